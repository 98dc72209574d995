import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ANYONE, acmeBody, ownerOf, startTenants, type TenantsUnderTest } from '../testing/tenants-under-test.ts';

let service: TenantsUnderTest;
beforeEach(async () => {
  service = await startTenants();
  await service.ask('POST', '/tenants/onboard', { as: ANYONE, body: acmeBody({ run_dryrun: false }) });
});
afterEach(() => service.close());

const tell = (notice_id: string, tenant = 'acme_corp') =>
  service.ask<{ told: boolean }>('POST', `/internal/tenants/${tenant}/notices`, {
    from: 'scheduler-service',
    body: { notice_id, provider: 'GCP', domain: 'COST', subject: 'A schedule paused itself', text: 'Paused after 30 failures.' },
  });
const mails = async () => (await service.mails()).filter((mail) => mail.includes('A schedule paused itself'));

test("a notice reaches the tenant's admin once, however often it is told", async () => {
  expect([await tell('n1'), await tell('n1'), await tell('n2')]).toEqual([{ told: true }, { told: false }, { told: true }]);
  const sent = await mails();
  expect(sent).toHaveLength(2);
  expect(sent[0]).toContain('To: admin@acme.test');
  expect(sent[0]).toContain('Paused after 30 failures.');
});

test('a provider configuration says whom to tell instead', async () => {
  await service.ask('POST', '/tenants/acme_corp/provider-configs', {
    as: ownerOf('acme_corp'),
    body: { provider: 'GCP', domain: 'COST', notification_emails: ['cost@acme.test', 'ops@acme.test'] },
  });
  await tell('n1');
  expect((await mails())[0]).toContain('To: cost@acme.test, ops@acme.test');
});

test('a tenant that is not there is refused', async () => {
  await expect(tell('n1', 'nobody')).rejects.toMatchObject({ code: 'tenant.not_found' });
});
