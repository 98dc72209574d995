/** The pages of docs/steps: what a template and each step type take, from their schemas, with what the step's own folder says of it. */
import { pipelineSchema } from '@convergence/pipelines';
import { ERROR_CLASSES, STEP_TYPES } from '@convergence/steps';
import { list, text } from '../workspace.ts';
import { cell, page } from './page.ts';
import { fields, type Schema } from './schema-text.ts';

export const stepPages = (): [path: string, content: string][] => [
  ['docs/steps/README.md', stepsList()],
  ...STEP_TYPES.map((step): [string, string] => [`docs/steps/${fileOf(step.type)}.md`, stepPage(step)]),
];

const fileOf = (type: string): string => type.replace('.', '-');

function stepsList(): string {
  const template = pipelineSchema(STEP_TYPES) as Schema;
  const { steps, ...top } = template.properties ?? {};
  const { with: takes, ...step } = steps?.items?.properties ?? {};
  return page(
    '# Steps',
    '',
    'What a template can do. A step that runs twice ends in the same table.',
    '',
    '| type | does |',
    '|---|---|',
    ...STEP_TYPES.map(({ type, description }) => `| [${type}](${fileOf(type)}.md) | ${cell(description)} |`),
    '',
    `A failed step says which kind of failure it was: ${ERROR_CLASSES.map((kind) => `\`${kind}\``).join(', ')}.`,
    '',
    '## Keys of every step',
    '',
    ...fields({ ...steps?.items, properties: { ...step, type: { ...step.type, description: 'One of the above' } } }),
    `- \`with\`: object. ${takes?.description}: see its page`,
    '',
    '## Keys of a template',
    '',
    ...fields({ ...template, properties: top }),
    '- `steps`: list of the steps',
    '',
    'Editors complete and check all of it by `configs/pipeline.schema.json`.',
  );
}

function stepPage(step: (typeof STEP_TYPES)[number]): string {
  const lines = [
    `# ${step.type}`,
    '',
    `${step.description[0]?.toUpperCase()}${step.description.slice(1)}.`,
    '',
    '`with`:',
    '',
    ...fields(step.config as Schema),
    '',
    `Outputs, for later steps as \`{steps.<id>.<output>}\`: ${step.outputs.map((output) => `\`${output}\``).join(', ')}`,
    '',
    text(`libs/steps/src/${fileOf(step.type)}/README.md`)
      .replace(/^# .*\n+/, '')
      .trimEnd(),
  ];
  const example = exampleOf(step.type);
  if (example) lines.push('', `As [${example.file}](../../${example.file}) uses it:`, '', '```yaml', ...example.lines, '```');
  return page(...lines);
}
/** The first step of that type among the templates that ship. */
function exampleOf(type: string): { file: string; lines: string[] } | undefined {
  for (const file of list('configs/{gcp,aws,azure,openai,claude}/*/*.yml')) {
    const lines = text(file).split('\n');
    const at = lines.findIndex((line) => line.trim() === `type: ${type}`);
    if (at < 0) continue;
    const first = lines.slice(0, at + 1).findLastIndex((line) => /^ {2}- /.test(line));
    const next = lines.findIndex((line, index) => index > at && (/^ {2}- /.test(line) || /^\S/.test(line)));
    return {
      file,
      lines: lines
        .slice(first, next < 0 ? undefined : next)
        .map((line) => line.slice(2))
        .filter((line) => line.trim() !== ''),
    };
  }
  return undefined;
}
