import { tenantId } from '@convergence/contracts';
import type { Template, TemplateCatalogue } from '@convergence/pipelines';
import { describe, expect, test } from '@jest/globals';
import { templatesOf } from './templates.ts';

const NOW = Date.parse('2026-03-01T10:00:00Z');
const ACME = tenantId('acme_corp');
const spec = {
  description: '',
  required: false,
  default: undefined,
  from: undefined,
  enum: undefined,
  pattern: undefined,
  minimum: undefined,
  maximum: undefined,
};
const billing = {
  ref: { provider: 'gcp', domain: 'cost', template: 'billing_cost' },
  aliases: ['billing'],
  parameters: [{ ...spec, name: 'limit', type: 'integer', minimum: 1 }],
} as unknown as Template;
const catalogue: Pick<TemplateCatalogue, 'find' | 'nearest' | 'problemsOf'> = {
  find: ({ template }) => (['billing_cost', 'billing'].includes(template) ? billing : undefined),
  nearest: () => ['configs/gcp/cost/billing_cost.yml'],
  problemsOf: ({ template }) => (template === 'broken' ? [{ file: 'f', line: 3, message: 'unknown key', suggestion: 'steps' }] : []),
};
const ask = (template: string, parameters: Record<string, unknown> = {}) =>
  templatesOf(catalogue).resolve({ tenantId: ACME, provider: 'GCP', domain: 'COST', template, parameters, now: NOW });

describe('templates', () => {
  test('a run is complete: names in lower case, defaults filled in, its parameters hashed', () => {
    expect(ask('billing_cost', { limit: 3 })).toEqual({
      pipeline_id: 'acme_corp-gcp-cost-billing_cost',
      provider: 'gcp',
      domain: 'cost',
      template: 'billing_cost',
      parameters: { date: '2026-02-28', limit: 3 },
      parameters_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      run_date: '2026-02-28',
    });
  });

  test('another date is another run; the order of parameters is not', () => {
    expect(ask('billing_cost', { date: '2026-01-01' }).parameters_hash).not.toBe(ask('billing_cost').parameters_hash);
    expect(ask('billing_cost', { limit: 1, date: '2026-02-28' }).parameters_hash).toBe(
      ask('billing_cost', { date: '2026-02-28', limit: 1 }).parameters_hash,
    );
  });

  test('an alias runs its template under the name that was asked for', () => {
    expect(ask('billing')).toMatchObject({ pipeline_id: 'acme_corp-gcp-cost-billing', template: 'billing_cost' });
  });

  test('an unknown template is refused with the nearest names', () => {
    expect(() => ask('biling_cost')).toThrow(
      'Template not found: configs/gcp/cost/biling_cost.yml. Did you mean configs/gcp/cost/billing_cost.yml?',
    );
  });

  test('a broken template says where', () => {
    expect(() => ask('broken')).toThrow(
      expect.objectContaining({ code: 'template.invalid', fields: { problems: [expect.objectContaining({ line: 3 })] } }),
    );
  });

  test('every parameter that does not fit is named', () => {
    expect(() => ask('billing_cost', { limit: 0, dat: '2026-01-01' })).toThrow(
      expect.objectContaining({
        code: 'template.parameters_invalid',
        fields: {
          errors: expect.arrayContaining([expect.objectContaining({ path: '/limit' }), expect.objectContaining({ path: '/dat' })]),
        },
      }),
    );
  });
});
