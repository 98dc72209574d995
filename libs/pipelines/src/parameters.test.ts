import { describe, expect, test } from '@jest/globals';
import { parametersHash, resolveParameters } from './parameters.ts';
import type { ParameterSpec, Template } from './template.ts';

const parameter = (name: string, more: Partial<ParameterSpec>): ParameterSpec => ({
  name,
  type: 'string',
  description: undefined,
  required: false,
  default: undefined,
  from: undefined,
  enum: undefined,
  pattern: undefined,
  minimum: undefined,
  maximum: undefined,
  ...more,
});
const template = (...parameters: ParameterSpec[]): Template => ({
  name: 't',
  ref: { provider: 'gcp', domain: 'cost', template: 't' },
  tenantId: undefined,
  aliases: [],
  description: '',
  version: 1,
  hash: '',
  file: '',
  parameters,
  credentials: {},
  timeoutMinutes: 1,
  maxParallelSteps: 1,
  notify: { on_failure: [], on_success: [] },
  steps: [],
  source: '',
  sqlFiles: {},
});
const context = { tenantId: 'acme_corp', now: Date.parse('2025-11-16T00:30:00Z') };

describe('the parameters of a run', () => {
  test('every template takes a date, yesterday by default, and run_date is that date', () => {
    expect(resolveParameters(template(), {}, context)).toEqual({ ok: true, parameters: { date: '2025-11-15' }, run_date: '2025-11-15' });
    expect(resolveParameters(template(), { date: '2025-01-02', trigger_by: 'me' }, context)).toMatchObject({ run_date: '2025-01-02' });
  });

  test('all errors are told at once, with the nearest name for an unknown one', () => {
    const result = resolveParameters(
      template(
        parameter('region', { enum: ['us', 'eu'] }),
        parameter('limit', { type: 'integer', maximum: 5 }),
        parameter('must', { required: true }),
      ),
      { date: '2025-02-30', regoin: 'x', region: 'asia', limit: 7 },
      context,
    );
    expect(result).toEqual({
      ok: false,
      errors: [
        { path: '/regoin', message: 'is not a parameter; did you mean "region"?' },
        { path: '/date', message: 'must be a date such as 2025-11-15' },
        { path: '/region', message: 'must be one of us, eu' },
        { path: '/limit', message: 'must be at most 5' },
        { path: '/must', message: 'is required' },
      ],
    });
  });

  test.each(['0000-01-01', '2025-1-1', '10000-01-01', '2025-01-01T00:00:00Z', '-000001-01-01'])('%s is no day of a run', (date) => {
    expect(resolveParameters(template(), { date }, context)).toMatchObject({ ok: false, errors: [{ path: '/date' }] });
  });

  test('a default may be made of other variables', () => {
    expect(
      resolveParameters(template(parameter('m', { type: 'month', default: '{month}' })), { date: '2025-03-09' }, context),
    ).toMatchObject({ parameters: { m: '2025-03' } });
  });

  test('what comes from the provider configuration is left open where that is not known, and asked for where it is', () => {
    const t = template(parameter('source_table', { type: 'table', from: 'provider_config.source_table' }));
    const config = {
      provider: 'GCP',
      domain: 'COST',
      source_project_id: 'acme-billing',
      source_dataset: 'export',
      options: { source_table: 'v1' },
    };
    expect(resolveParameters(t, {}, context)).toMatchObject({ ok: true, parameters: { date: '2025-11-15' } });
    expect(resolveParameters(t, {}, { ...context, providerConfigs: [] })).toMatchObject({ ok: false });
    expect(resolveParameters(t, {}, { ...context, providerConfigs: [config] })).toMatchObject({
      parameters: { source_table: 'acme-billing.export.v1' },
    });
  });

  test('a table name with anything but a name in it is refused', () => {
    const t = template(parameter('source', { type: 'table' }));
    expect(resolveParameters(t, { source: 'a.b` where 1=1 --' }, context)).toMatchObject({ ok: false });
  });

  test('a decimal keeps its last digit', () => {
    expect(resolveParameters(template(parameter('n', { type: 'number' })), { n: '12345678901234567890.123456789' }, context)).toMatchObject(
      { parameters: { n: '12345678901234567890.123456789' } },
    );
  });

  test('one amount is one amount however it is written: the same run', () => {
    const t = template(parameter('n', { type: 'number', enum: [1.5, -20, 0] }));
    const resolved = (n: unknown) => resolveParameters(t, { n }, context);
    for (const n of [1.5, '1.5', '1.50', '01.500000000']) expect(resolved(n)).toMatchObject({ ok: true, parameters: { n: '1.5' } });
    for (const n of [-20, '-20', '-20.0']) expect(resolved(n)).toMatchObject({ parameters: { n: '-20' } });
    for (const n of [0, '0.0', '-0', '00']) expect(resolved(n)).toMatchObject({ parameters: { n: '0' } });
    expect(resolved('2')).toMatchObject({ ok: false, errors: [{ path: '/n', message: 'must be one of 1.5, -20, 0' }] });
  });

  test('the hash does not depend on the order in which parameters were given', () => {
    expect(parametersHash({ a: 1, b: { c: 2, d: 3 } })).toBe(parametersHash({ b: { d: 3, c: 2 }, a: 1 }));
    expect(parametersHash({ a: 1 })).not.toBe(parametersHash({ a: 2 }));
  });
});
