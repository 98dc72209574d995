import { fileURLToPath } from 'node:url';
import { loadTemplates } from '@convergence/pipelines';
import { expect, test } from '@jest/globals';
import { templatesGetRoute } from './templates.list.ts';

test('a template shows which credentials of the tenant it needs', async () => {
  const templates = await loadTemplates(fileURLToPath(new URL('../../../../configs', import.meta.url)));
  const get = templatesGetRoute({ templates }).handle as unknown as (given: unknown) => Promise<unknown>;
  const params = { provider: 'gcp', domain: 'cost', name: 'billing_cost' };
  expect(await get({ params, query: {}, principal: { kind: 'tenant', tenantId: 'acme_corp' } })).toMatchObject({
    body: { name: 'billing_cost', credentials: { gcp: 'optional' } },
  });
});
