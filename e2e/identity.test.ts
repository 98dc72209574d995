/** Each service writes its own tables and no others: BigQuery says so, by who calls, on a laptop as in production. */
import { SERVICES, type ServiceName, serviceAccount } from '@convergence/contracts';
import { CENTRAL_TABLES, writersOf } from '@convergence/tables';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mintTokens } from '../tools/launcher/identity.ts';
import { type System, startSystem } from './system.ts';

const PROJECT = 'convergence-local';
let system: System;
let token: (name: string) => string;
beforeAll(async () => {
  system = await startSystem();
  token = await mintTokens(system.dataDir, PROJECT);
}, 120_000);
afterAll(async () => {
  await system?.stop();
}, 30_000);

async function as(service: ServiceName, sql: string): Promise<{ status: number; reason: string | undefined }> {
  const response = await fetch(`${system.bigqueryUrl}/bigquery/v2/projects/${PROJECT}/queries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token(service)}` },
    body: JSON.stringify({ query: sql, useLegacySql: false }),
  });
  const body = (await response.json()) as { error?: { errors: { reason: string }[] } };
  return { status: response.status, reason: body.error?.errors[0]?.reason };
}

describe.each(CENTRAL_TABLES.map((central) => ({ name: central.table.name, writers: writersOf(central) })))(
  '$name',
  ({ name, writers }) => {
    // Changes nothing, and needs the right to change all the same.
    const write = `DELETE FROM tenants.${name} WHERE FALSE`;
    test(`may be written by ${writers.join(' and ') || 'no service'}, and by nobody else`, async () => {
      const answers = await Promise.all(SERVICES.map(async (service) => [service, await as(service, write)] as const));
      for (const [service, answer] of answers) {
        const wanted = writers.includes(service) ? { status: 200, reason: undefined } : { status: 403, reason: 'accessDenied' };
        expect({ service, ...answer }).toEqual({ service, ...wanted });
      }
    });
    test('may be read by each service that keeps or records state', async () => {
      const answers = await Promise.all(SERVICES.map((service) => as(service, `SELECT * FROM tenants.${name} LIMIT 1`)));
      expect(answers.map(({ status }) => status)).toEqual(SERVICES.map((service) => (service === 'gateway' ? 403 : 200)));
    });
  },
);

test('a tenant has a dataset that runs can write into, and no service is the person at the machine', async () => {
  const stats = `${system.bigqueryUrl}/__stats`;
  await fetch(stats, { method: 'DELETE' });
  const onboarded = await system.request('POST', '/tenants/onboard', {
    body: { tenant_id: 'acme_corp', company_name: 'ACME', admin_email: 'admin@acme.example' },
  });
  expect(onboarded).toMatchObject({ status: 200, body: { dataset_created: true, dryrun_status: 'SUCCESS' } });
  expect(await as('scheduler-service', 'SELECT * FROM acme_corp.x_meta_step_logs LIMIT 1')).toMatchObject({ status: 403 });
  const { entries } = (await (await fetch(stats)).json()) as { entries: { caller?: string }[] };
  const callers = new Set(entries.map(({ caller }) => caller).filter((caller) => caller !== undefined));
  expect([...callers].filter((caller) => !SERVICES.some((service) => caller === serviceAccount(PROJECT, service)))).toEqual([]);
  expect([...callers]).toEqual(
    expect.arrayContaining([serviceAccount(PROJECT, 'tenant-service'), serviceAccount(PROJECT, 'executor-service')]),
  );
}, 60_000);

test('rows of a dataset that nobody granted to pipelines stay closed to them', async () => {
  await system.query('CREATE SCHEMA private_things');
  await system.query('CREATE TABLE private_things.t AS SELECT 1 AS a');
  expect(await as('executor-service', 'SELECT * FROM private_things.t')).toMatchObject({ status: 403, reason: 'accessDenied' });
});
