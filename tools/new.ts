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

const camel = (name: string) => name.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase());
const pascal = (name: string) => name.replaceAll(/(?:^|[.-])(\w)/g, (_, letter: string) => letter.toUpperCase());
/** A step's type as templates write it. */
const dotted = (name: string) => name.replace('-', '.').replaceAll('-', '_');

const RECIPES: Readonly<Record<string, Recipe>> = {
  endpoint: {
    usage: 'endpoint <resource>.<verb> <app>',
    name: /^[a-z][a-z-]*\.[a-z][a-z-]*$/,
    files: (name, app) => ({
      'endpoint/route.ts': `apps/${app}/src/routes/${name}.ts`,
      'endpoint/route.test.ts': `apps/${app}/src/routes/${name}.test.ts`,
    }),
    left: (name, app) => [
      `libs/contracts/src/operations/${name.split('.')[0]}.ts: export const ${camel(name)} = defineOperation({ id: '${name}', owner: '${app}', method: 'GET',
      path: '/api/v1/tenants/{tenant_id}/...', summary: '...', auth: 'tenant', scope: 'tenant:read', params, response, errors: ['tenant.not_found'] });
      add it to OPERATIONS in operations.ts; a file that is new also to libs/contracts/src/index.ts`,
      `apps/${app}/src/routes/routes.ts: add ${camel(name)}Route()`,
      `e2e/every-operation.test.ts: a request that it answers, in REQUESTS; for a POST one in e2e/two-gateways.test.ts, too`,
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
      `libs/contracts/src: add ${camel(name)} to EVENTS (events/events.ts) and to index.ts; its topic to TOPICS (events/envelope.ts)`,
      `libs/contracts/src/events/subscriptions.ts: { topic: '${name}', consumer: '${app}', ...standard }`,
      `apps/${app}/src/handlers/handlers.ts: '${name}': [() => ${camel(name)}Handler(what makes its effect durable)]`,
      `who says it: bus.publish([eventMessage(${camel(name)}, data, { source, id })]), or a line in its slice's outbox`,
      'npm run docs',
    ],
  },
  step: {
    usage: 'step <kind-in-kebab-case>',
    name: /^[a-z]+(-[a-z]+)*$/,
    files: (name) => ({
      'step/config.ts': `libs/steps/src/${name}/config.ts`,
      'step/step.ts': `libs/steps/src/${name}/step.ts`,
      'step/step.test.ts': `libs/steps/src/${name}/step.test.ts`,
    }),
    left: (name) => [
      `libs/steps/src/step-types.ts: { type: '${dotted(name)}', description: '...', config: ${pascal(name)}Config, outputs: ['rows'] }`,
      `libs/steps/src/steps.ts: '${dotted(name)}': ${camel(name)}`,
      'npm run docs && npm run pipelines:schema',
    ],
  },
  table: {
    usage: 'table <table-in-kebab-case> <tenants|schedules|runs>',
    name: /^[a-z]+(-[a-z]+)*$/,
    files: (name, owner) => ({ 'table/table.ts': `libs/tables/src/${owner}/${name}.ts` }),
    left: (name, owner) => [
      `libs/tables/src/index.ts: export ${camel(name)}`,
      `list it with its owner's: ${owner === 'tenants' ? 'TENANT_TABLES in tenants/tenants.ts' : owner === 'schedules' ? 'SCHEDULER_TABLES in central.ts' : 'CENTRAL_TABLES in central.ts'}`,
      ...(owner === 'runs'
        ? ['write it in apps/executor-service/src']
        : [
            `a projection of it in apps/${owner === 'tenants' ? 'tenant' : 'scheduler'}-service/src/tables, listed in definition.ts beside it`,
          ]),
      'npm run docs',
    ],
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
  camel: camel(name),
  snake: name.replaceAll('-', '_'),
  pascal: pascal(name),
  dotted: dotted(name),
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
