import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { parseDocument } from 'yaml';
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
      'configs/gcp/cost/cost.yml:8: unknown key "tpye" in steps.a; did you mean "type"?',
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
      'cost.yml:9: steps.a.with needs exactly one of',
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
    [
      'a switch that is no boolean',
      `${head}steps:\n  - id: a\n    type: onboarding.dryrun\n    enabled: "{date}"\n`,
      'cost.yml:9: enabled takes a boolean parameter, and {date} is none',
    ],
    [
      'a key of "with" beside it',
      `${head}steps:\n  - id: a\n    type: notify\n    message: hi\n`,
      'cost.yml:9: unknown key "message" in steps.a: it belongs under its "with"',
    ],
    ['an empty file', '', 'cost.yml:1: the template is empty, but must be keys with values'],
    ['YAML that is none', 'name: [', 'configs/gcp/cost/cost.yml:1:'],
  ])('%s is refused with its line and what was meant', (_, text, expected) => {
    const found = problems(text);
    expect(found).toContainEqual(expect.stringContaining(expected));
  });

  test('a file in a folder that is none, or with a name that can be none, is told to move, not to change what is right', () => {
    const at = (place: object) => {
      const source = { file: 'f.yml', text: `${head}steps:\n${step('a')}`, tenantId: undefined, sqlFiles: {} };
      const result = readTemplate({ ...source, provider: 'gcp', domain: 'cost', name: 'cost', ...place }, schema);
      return result.ok ? [] : result.problems.map(problemText);
    };
    expect(at({ domain: 'costs' })).toEqual(['f.yml:4: domain is "cost" but the folder is costs, which is no domain: move the file']);
    expect(at({ domain: 'security' })).toEqual(['f.yml:4: domain is "cost" but the folder is security; did you mean "security"?']);
    expect(at({ name: 'Cost' })).toEqual([
      'f.yml:1: the file is Cost.yml, but a name takes only lower-case letters, digits and _; did you mean "cost"?',
    ]);
  });

  test('all mistakes are named at once: a wrong name hides none of those below it, and none is named twice', () => {
    const text = `name: cost
descriptoin: d
provider: gpc
domain: cost
version: one
version: 2
parameters:
  least: { type: numbr, default: abc }
  when: today
steps:
  - id: read
    type: bigquery.qeury
    timout_minutes: 5
    retry: { max_attempts: 99 }
    with: { to: Out, sql: "select @dat", unit: { day: "{dat}" }, partition_by: x, clusterby: [y] }
  - id: check
    type: dq.check
    depends_on: [raed]
    with: { table: t_x, rules: [{ rule: not_nul, colum: x }, { rule: row_count, min: few }] }
  - id: tell
    typ: notify
    with: { mesage: "{steps.read.rowz}" }
`;
    expect(problems(text).map((problem) => problem.replace('configs/gcp/cost/cost.yml:', ''))).toEqual([
      '2: unknown key "descriptoin" in the template; did you mean "description"?',
      '3: provider is "gpc", not one of gcp, aws, azure, openai, claude; did you mean "gcp"?',
      '6: Map keys must be unique',
      expect.stringMatching(/^8: parameters\.least\.type is "numbr", not one of .*; did you mean "number"\?$/),
      '8: the default of "least" must be a decimal number',
      '9: parameters.when is the text "today", but must be keys with values',
      expect.stringMatching(/^12: steps\.read\.type is "bigquery\.qeury", not one of .*; did you mean "bigquery\.query"\?$/),
      '13: unknown key "timout_minutes" in steps.read; did you mean "timeout_minutes"?',
      '14: steps.read.retry.max_attempts must be <= 10',
      '15: unknown key "clusterby" in steps.read.with; did you mean "cluster_by"?',
      '15: steps.read.with.to is "Out", but takes only lower-case letters, digits and _, a letter first; did you mean "out"?',
      '15: unknown SQL parameter @dat; did you mean "date"?',
      '15: unknown variable {dat}; did you mean "date"?',
      '18: step "check" depends on "raed", which does not exist; did you mean "read"?',
      expect.stringMatching(/^19: steps\.check\.with\.rules\.0\.rule is "not_nul", not one of .*; did you mean "not_null"\?$/),
      '19: unknown key "colum" in steps.check.with.rules.0; did you mean "column"?',
      '19: steps.check.with.rules.1.min is the text "few", but must be a whole number',
      '21: unknown key "typ" in steps.tell; did you mean "type"?',
      '22: unknown key "mesage" in steps.tell.with; did you mean "message"?',
      '22: unknown variable {steps.read.rowz}; did you mean "steps.read.rows"?',
    ]);
  });

  test('whatever stands in place of a value, it is named or fits: nothing makes the reader stumble', async () => {
    const shipped = await readFile(new URL('../../../configs/gcp/cost/billing_cost.yml', import.meta.url), 'utf8');
    const places: (readonly (string | number)[])[] = [];
    const walk = (value: unknown, path: readonly (string | number)[]) => {
      places.push(path);
      if (Object(value) === value)
        for (const key of Object.keys(value as object)) walk((value as never)[key], [...path, Array.isArray(value) ? Number(key) : key]);
    };
    walk(parseDocument(shipped).toJS(), []);
    for (const path of places)
      for (const value of [null, 7, 'Xy z', [], [null], {}, { a: { b: 1 } }]) {
        const document = parseDocument(shipped);
        document.setIn(path, value);
        const sql = { 'billing_cost.sql': 'select 1' };
        const found = problems(document.toString(), sql);
        expect(found.filter((problem) => !/^configs\/gcp\/cost\/cost\.yml:\d+: ./.test(problem))).toEqual([]);
      }
    expect(places.length).toBeGreaterThan(100);
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
