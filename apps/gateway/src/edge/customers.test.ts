import { check, OPERATIONS, schedulesList, tenantsOnboard, tenantsQuota } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { asTenantId, customersAlias, withBothIds } from './customers.ts';

describe('/customers', () => {
  test('is another name for every operation on tenants and for nothing else', () => {
    const aliased = OPERATIONS.filter((operation) => customersAlias(operation)).map(({ path }) => path);
    expect(aliased).toEqual(OPERATIONS.map(({ path }) => path).filter((path) => path.startsWith('/api/v1/tenants')));
    expect(customersAlias(schedulesList)).toBeUndefined();
  });

  test('takes customer_id in path and body, where it is as required as tenant_id was', () => {
    const quota = customersAlias(tenantsQuota);
    expect(quota?.path).toBe('/api/v1/customers/{customer_id}/quota');
    expect(check(quota!.params!, { customer_id: 'acme_corp' }).ok).toBe(true);
    const onboard = customersAlias(tenantsOnboard);
    const body = { customer_id: 'acme_corp', company_name: 'Acme', admin_email: 'a@acme.test' };
    expect(check(onboard!.body!, { ...body }).ok).toBe(true);
    expect(check(onboard!.body!, { ...body, customer_id: undefined })).toMatchObject({ ok: false, errors: [{ path: '/customer_id' }] });
    expect(check(onboard!.body!, { ...body, customer_id: 'Acme' })).toMatchObject({ ok: false, errors: [{ path: '/customer_id' }] });
  });

  test('hands on tenant_id and answers with both, however deep', () => {
    expect(asTenantId({ customer_id: 'a', limit: 1 })).toEqual({ tenant_id: 'a', limit: 1 });
    expect(withBothIds({ items: [{ tenant_id: 'a' }], next_cursor: null })).toEqual({
      items: [{ tenant_id: 'a', customer_id: 'a' }],
      next_cursor: null,
    });
  });
});
