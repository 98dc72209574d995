import { randomUUID } from 'node:crypto';
import { internalClient, TokenSigner } from '@convergence/service';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startWorld, type World } from '../testing/world.ts';

jest.setTimeout(60_000);
const KEY = 'a-signing-key-for-tests-that-is-long-enough';
const TABLE = '`tenants`.`x_meta_pipeline_runs`';
let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.tenant('acme_corp');
});
afterAll(() => world.stop());

const inTable = (runId: string, status: string, at = 'CURRENT_TIMESTAMP()') =>
  world.query(
    `INSERT INTO ${TABLE} (pipeline_logging_id, pipeline_id, tenant_id, provider, domain, template, status, trigger_type, start_time, started_at, parameters, x_sequence)
VALUES ('${runId}', 'acme_corp-gcp-example-dryrun', 'acme_corp', 'gcp', 'example', 'dryrun', '${status}', 'api', ${at}, ${at}, JSON '{}', 2)`,
  );

async function startExecutor(): Promise<<T>(path: string) => Promise<T>> {
  const { port } = await world.executor({ INTERNAL_SIGNING_KEY: KEY });
  const client = internalClient({
    target: 'executor-service',
    baseUrl: `http://127.0.0.1:${port}`,
    signer: new TokenSigner('gateway', { keys: [KEY] }),
  });
  return (path) => client.call({ method: 'GET', path, principal: { kind: 'service', service: 'gateway' } });
}

test('an executor that starts after a cancellation was asked for keeps to it', async () => {
  await world.tenant('beta_corp');
  const asked = await world.request('beta_corp', 'gcp/example/dryrun', { date: '2025-11-18' });
  await world.query(
    `INSERT INTO ${TABLE} (pipeline_logging_id, pipeline_id, tenant_id, status, start_time, started_at, cancel_reason, x_sequence)
VALUES ('${asked}', 'beta_corp-gcp-example-dryrun', 'beta_corp', 'RUNNING', CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), 'by me', 2)`,
  );
  const executor = await world.executor({ INTERNAL_SIGNING_KEY: KEY });
  expect(await world.end(asked)).toMatchObject({ status: 'CANCELLED', did_work: true, error: { message: 'by me' } });
  await executor.kill('SIGKILL');
});

test('an executor that was away learns how runs were asked for and ended meanwhile', async () => {
  const ended = randomUUID();
  await inTable(ended, 'RUNNING');
  const asked = await world.request('acme_corp', 'gcp/example/dryrun', { date: '2025-11-17' }, { trigger_type: 'scheduler' });
  const get = await startExecutor();
  // Its index has it as it was; another recorder writes what came meanwhile, and a run that came and went.
  expect(await get(`/api/v1/pipelines/runs/${ended}`)).toMatchObject({ status: 'RUNNING' });
  await world.query(
    `UPDATE ${TABLE} SET status = 'COMPLETE', end_time = CURRENT_TIMESTAMP(), x_sequence = 9 WHERE pipeline_logging_id = '${ended}'`,
  );
  const unheard = randomUUID();
  await inTable(unheard, 'COMPLETE');
  await world.end(asked);

  const known = async () => {
    const { items } = await get<{ items: { pipeline_logging_id: string; status: string; trigger_type: string; parameters: object }[] }>(
      '/api/v1/pipelines/runs?tenant_id=acme_corp',
    );
    return new Map(
      items.map(({ pipeline_logging_id, status, trigger_type, parameters }) => [pipeline_logging_id, { status, trigger_type, parameters }]),
    );
  };
  const wanted = new Map([
    [asked, { status: 'COMPLETE', trigger_type: 'scheduler', parameters: { date: '2025-11-17' } }],
    [ended, { status: 'COMPLETE', trigger_type: 'api', parameters: {} }],
    [unheard, { status: 'COMPLETE', trigger_type: 'api', parameters: {} }],
  ]);
  let seen = await known();
  for (let tries = 0; tries < 200 && JSON.stringify([...seen].sort()) !== JSON.stringify([...wanted].sort()); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    seen = await known();
  }
  expect(seen).toEqual(wanted);
  // A run of long ago is in the table only.
  const old = randomUUID();
  await inTable(old, 'FAILED', "TIMESTAMP '2025-01-01'");
  expect(await get(`/internal/runs/${old}/why`)).toMatchObject({ tenant_id: null, gates: [] });
  expect(await get(`/internal/runs/${old}/why?older=true`)).toMatchObject({ tenant_id: 'acme_corp', status: 'FAILED' });
});
