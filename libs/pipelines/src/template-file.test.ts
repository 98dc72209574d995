import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { problemText } from './template.ts';
import { compileTemplateSchema, readTemplate } from './template-file.ts';

const schema = compileTemplateSchema(JSON.parse(await readFile(new URL('../../../configs/pipeline.schema.json', import.meta.url), 'utf8')));
const head = 'name: cost\ndescription: d\nprovider: gcp\ndomain: cost\nversion: 1\n';
const read = (text: string, sqlFiles: Record<string, string> = {}) =>
  readTemplate(
    { file: 'configs/gcp/cost/cost.yml', text, provider: 'gcp', domain: 'cost', name: 'cost', tenantId: undefined, sqlFiles },
    schema,
  );
const problems = (text: string, sqlFiles: Record<string, string> = {}) => {
  const result = read(text, sqlFiles);
  return result.ok ? [] : result.problems.map(problemText);
};
const step = (id: string, more = '') => `  - { id: ${id}, type: notify, with: { message: hello }${more} }\n`;

describe('a template file', () => {
  test('without depends_on a step follows the one before it; an empty list starts at once', () => {
    const result = read(`${head}steps:\n${step('a')}${step('b')}${step('c', ', depends_on: []')}`);
    if (!result.ok) throw new Error(result.problems.map(problemText).join('\n'));
    expect(result.template.steps.map((s) => s.dependsOn)).toEqual([[], ['a'], []]);
  });

  test.each([
    [
      'an unknown key',
      `${head}steps:\n  - id: a\n    tpye: notify\n`,
      'configs/gcp/cost/cost.yml:8: unknown key "tpye" in steps.0; did you mean "type"?',
    ],
    ['an unknown step type', `${head}steps:\n  - id: a\n    type: bigquery.qeury\n`, 'did you mean "bigquery.query"?'],
    [
      'an unknown dependency',
      `${head}steps:\n${step('extract')}${step('b', ', depends_on: [extrct]')}`,
      'cost.yml:8: step "b" depends on "extrct", which does not exist; did you mean "extract"?',
    ],
    [
      'a cycle',
      `${head}steps:\n${step('a', ', depends_on: [b]')}${step('b', ', depends_on: [a]')}`,
      'steps wait for each other: a -> b -> a',
    ],
    ['two steps of one name', `${head}steps:\n${step('a')}${step('a')}`, 'two steps are called "a"'],
    [
      'an unknown variable',
      `${head}steps:\n  - id: a\n    type: notify\n    with:\n      message: of {dat}\n`,
      'cost.yml:10: unknown variable {dat}; did you mean "date"?',
    ],
    [
      'a default that does not fit its type',
      `${head}parameters:\n  least: { type: number, default: abc }\nsteps:\n${step('a')}`,
      'cost.yml:7: the default of "least" must be a decimal number',
    ],
    [
      'a value written into SQL',
      `${head}steps:\n  - id: a\n    type: bigquery.query\n    with: { to: t_x, sql: "select '{date}'" }\n`,
      'did you mean "@date"?',
    ],
    [
      'an unknown SQL parameter',
      `${head}steps:\n  - id: a\n    type: bigquery.query\n    with: { to: t_x, sql: "select @dat -- @nothing" }\n`,
      'unknown SQL parameter @dat; did you mean "date"?',
    ],
    [
      'a missing SQL file',
      `${head}steps:\n  - id: a\n    type: bigquery.query\n    with: { to: t_x, sql_file: no.sql }\n`,
      'there is no no.sql beside the template',
    ],
    [
      'neither sql nor sql_file',
      `${head}steps:\n  - id: a\n    type: bigquery.query\n    with: { to: t_x }\n`,
      'cost.yml:9: steps.0.with needs exactly one of',
    ],
    [
      'an unknown key of a rule',
      `${head}steps:\n  - id: a\n    type: dq.check\n    with: { table: t_x, rules: [{ rule: not_null, colum: x }] }\n`,
      'unknown key "colum"',
    ],
    [
      'a control total of a step that is not before it',
      `${head}steps:\n${step('b')}  - id: a\n    type: dq.check\n    with: { table: t_x, rules: [{ rule: matches_control_total, of: c, column: x }] }\n`,
      '"c" is no step before "a"',
    ],
    ['YAML that is none', 'name: [', 'configs/gcp/cost/cost.yml:1:'],
  ])('%s is refused with its line and what was meant', (_, text, expected) => {
    const found = problems(text);
    expect(found).toContainEqual(expect.stringContaining(expected));
  });

  test('a later step reads the outputs of an earlier one, and only those it has', () => {
    const text = (name: string) =>
      `${head}steps:\n  - id: load\n    type: bigquery.query\n    with: { to: t_x, sql: select 1 }\n  - id: tell\n    type: notify\n    with: { message: "{steps.load.${name}} rows" }\n`;
    expect(problems(text('rows'))).toEqual([]);
    expect(problems(text('rowz'))).toEqual([
      'configs/gcp/cost/cost.yml:12: unknown variable {steps.load.rowz}; did you mean "steps.load.rows"?',
    ]);
  });

  test('the hash changes with the template and with its SQL', () => {
    const text = `${head}steps:\n  - id: a\n    type: bigquery.query\n    with: { to: t_x, sql_file: a.sql }\n`;
    const hash = (t: string, sql: string) => {
      const result = read(t, { 'a.sql': sql });
      return result.ok ? result.template.hash : '';
    };
    expect(new Set([hash(text, 'select 1'), hash(text, 'select 2'), hash(`${text}\n`, 'select 1')]).size).toBe(3);
  });
});
