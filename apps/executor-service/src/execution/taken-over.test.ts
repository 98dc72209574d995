import type { StepSpec, Template } from '@convergence/pipelines';
import { describe, expect, test } from '@jest/globals';
import { keptSteps } from './taken-over.ts';

const step = (id: string, dependsOn: string[], config: object = {}, more: Partial<StepSpec> = {}) =>
  ({ id, type: 'bigquery.query', with: config, dependsOn, when: 'succeeded', onFailure: 'stop', enabled: true, ...more }) as StepSpec;
const template = (normalise: object, sql = 'SELECT 1', off: Partial<StepSpec> = { enabled: false }) =>
  ({
    steps: [
      step('extract', []),
      step('normalise', ['extract'], normalise),
      step('off', ['normalise'], {}, off),
      step('sum', ['off']),
      step('check', ['sum']),
    ],
    sqlFiles: { 'a.sql': sql },
  }) as unknown as Template;
const kept = (now: Template, before: Template | undefined) => [
  ...keptSteps(now, before, ['extract', 'normalise', 'sum'], ['off'], 'failed'),
];
const file = { sql_file: 'a.sql' };

describe('a retry', () => {
  test('keeps what completed, also behind a step that is switched off', () => {
    expect(kept(template(file), undefined)).toEqual(['extract', 'normalise', 'off', 'sum']);
    expect(kept(template(file), template(file))).toEqual(['extract', 'normalise', 'off', 'sum']);
  });

  test('does again what the template describes otherwise now, and all after it', () => {
    expect(kept(template({ to: 'b' }), template({ to: 'a' }))).toEqual(['extract']);
    expect(kept(template(file, 'SELECT 2'), template(file, 'SELECT 1'))).toEqual(['extract']);
  });

  test('other times, tries and orders are no other step', () => {
    const patient = template(file);
    const before = { ...patient, steps: patient.steps.map((s) => ({ ...s, timeoutMinutes: 5, dependsOn: [] })) };
    expect(kept(patient, before)).toEqual(['extract', 'normalise', 'off', 'sum']);
  });
});
