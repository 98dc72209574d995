/**
 * `npm run new -- endpoint runs.pause tenant-service`: the files of a recipe in docs/CONTRIBUTING.md, with their headings, and what is
 * left to do by hand. Never overwrites a file.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, text } from './workspace.ts';

interface Recipe {
  readonly usage: string;
  readonly name: RegExp;
  /** Template to target; `place` is the second word. */
  readonly files: (name: string, place: string) => Readonly<Record<string, string>>;
  readonly left: (name: string, place: string) => readonly string[];
}

const RECIPES: Readonly<Record<string, Recipe>> = {
  endpoint: {
    usage: 'endpoint <resource>.<verb> <app>',
    name: /^[a-z][a-z-]*\.[a-z][a-z-]*$/,
    files: (name, app) => ({
      'endpoint/route.ts': `apps/${app}/src/routes/${name}.ts`,
      'endpoint/route.test.ts': `apps/${app}/src/routes/${name}.test.ts`,
    }),
    left: (name, app) => [
      `declare ${name} in libs/contracts/src/operations/${name.split('.')[0]}.ts and add it to OPERATIONS in operations.ts`,
      `add it to apps/${app}/src/routes/routes.ts`,
      'npm run docs',
    ],
  },
  event: {
    usage: 'event <event-name> <consuming app>',
    name: /^[a-z]+(-[a-z]+)+$/,
    files: (name, app) => ({
      'event/event.ts': `libs/contracts/src/events/${name}.ts`,
      'event/handler.ts': `apps/${app}/src/handlers/${name}.ts`,
      'event/handler.test.ts': `apps/${app}/src/handlers/${name}.test.ts`,
    }),
    left: (name, app) => [
      `add it to EVENTS (events.ts), to index.ts and, as a topic of its own, to TOPICS (envelope.ts) in libs/contracts/src`,
      `add { topic: '${name}', consumer: '${app}', ...standard } to SUBSCRIPTIONS (subscriptions.ts)`,
      `add its handler to apps/${app}/src/handlers/handlers.ts`,
      'npm run docs',
    ],
  },
  step: {
    usage: 'step <kind-in-kebab-case>',
    name: /^[a-z]+(-[a-z]+)*$/,
    files: (name) => ({ 'step/config.ts': `libs/steps/src/${name}/config.ts` }),
    left: (name) => [
      `libs/steps/src/${name}/step.ts and its test: take libs/steps/src/onboarding-dryrun as the pattern`,
      'list it in libs/steps/src/step-types.ts and steps.ts',
      'npm run docs',
    ],
  },
  table: {
    usage: 'table <table-in-kebab-case> <tenants|schedules|runs>',
    name: /^[a-z]+(-[a-z]+)*$/,
    files: (name, owner) => ({ 'table/table.ts': `libs/tables/src/${owner}/${name}.ts` }),
    left: () => ['export it from libs/tables/src/index.ts and list it in central.ts with its owner', 'npm run docs'],
  },
};

const [kind = '', name = '', place = ''] = process.argv.slice(2);
const recipe = RECIPES[kind];
if (!recipe?.name.test(name) || (recipe.usage.split('<').length > 2 && !place)) {
  const usages = Object.values(RECIPES).map(({ usage }) => `  npm run new -- ${usage}`);
  console.error(`Usage:\n${usages.join('\n')}`);
  process.exit(1);
}
const words: Readonly<Record<string, string>> = {
  name,
  camel: name.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase()),
  snake: name.replaceAll('-', '_'),
  pascal: name.replaceAll(/(?:^|[.-])(\w)/g, (_, letter: string) => letter.toUpperCase()),
};
for (const [template, target] of Object.entries(recipe.files(name, place))) {
  if (existsSync(join(root, target))) {
    console.log(`there already: ${target}`);
    continue;
  }
  const filled = text(`tools/templates/${template}.template`).replaceAll(/\{\{(\w+)\}\}/g, (_, word: string) => words[word] ?? '');
  mkdirSync(dirname(join(root, target)), { recursive: true });
  writeFileSync(join(root, target), filled);
  console.log(`made: ${target}`);
}
console.log(
  `Left to do:\n${recipe
    .left(name, place)
    .map((step) => `  - ${step}`)
    .join('\n')}\nnpm run verify tells what is missing.`,
);
