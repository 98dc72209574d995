/** object.load out of the tenant's own AWS and Azure accounts: what their manifests list, once, whatever happens on the way. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AwsServer, type AzureServer, startAwsServer, startAzureServer } from '@convergence/testing';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type ExecutorProcess, startWorld, type World } from '../testing/world.ts';

jest.setTimeout(60_000);
const KEYS = { access_key_id: 'AKIAIOSFODNN7EXAMPLE', secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const APP = {
  tenant_id: '11111111-2222-3333-4444-555555555555',
  client_id: '66666666-7777-8888-9999-000000000000',
  client_secret: 'a~secret~of~azure',
};
const SECRETS = [KEYS.secret_access_key, APP.client_secret, 'azure-token'];
let world: World;
let aws: AwsServer;
let azure: AzureServer;
let executor: ExecutorProcess;
const environment = () => ({
  CONFIGS_DIR: join(world.folder, 'configs'),
  AWS_EMULATOR_HOST: aws.host,
  AZURE_EMULATOR_HOST: azure.host,
});

const template = (provider: string, from: string) =>
  writeFile(
    join(world.folder, `configs/${provider}/example/costs.yml`),
    `name: costs\ndescription: costs\nprovider: ${provider}\ndomain: example\nversion: 1\nparameters:\n  date: { type: date, default: "{yesterday}" }\nsteps:\n  - id: load\n    type: object.load\n    retry: { max_attempts: 2, backoff_seconds: 0.1 }\n    with: { from: "${from}/{date}", manifest: manifest.json, format: CSV, columns: { cost: NUMERIC, day: DATE }, to: raw_${provider}, unit: { day: "{date}", column: day } }\n`,
  );

async function tenant(id: string, provider: 'AWS' | 'AZURE', secret: object): Promise<void> {
  const sealed = await world.keys.seal('credentials', { tenantId: id, recordId: 'c1' }, Buffer.from(JSON.stringify(secret)));
  await world.tenant(id, {
    credentials: [{ credential_id: 'c1', provider, credential_type: 'ANY', credential_name: 'n', project_id: null, sealed }],
  });
}
async function run(id: string, provider: string) {
  return world.end(await world.request(id, `${provider}/example/costs`, { date: '2025-11-05' }));
}
const loaded = async (id: string, provider: string) =>
  (await world.query(`SELECT COUNT(*) AS n, CAST(SUM(cost) AS STRING) AS total FROM raw_${provider}`, id))[0];

/** What an export leaves in a bucket: more parts than a page lists, the manifest of those that count, and one that does not. */
function deliver(objects: Map<string, string>, root: string, listed: (names: string[]) => object): void {
  const parts = Array.from({ length: 7 }, (_, i) => `part-${i}.csv`);
  for (const [i, name] of parts.entries())
    objects.set(`${root}/2025-11-05/${name}`, `cost,day\n${i}.000000001,2025-11-05\n-1,2025-11-05\n`);
  objects.set(`${root}/2025-11-05/old.csv`, 'cost,day\n999,2025-11-05\n');
  objects.set(`${root}/2025-11-05/manifest.json`, JSON.stringify(listed(parts)));
}
const DELIVERED = { n: 14, total: '14.000000007' };

beforeAll(async () => {
  world = await startWorld();
  aws = await startAwsServer({ exports: 'eu-central-1' }, { page: 3 });
  azure = await startAzureServer(['acmecosts/exports'], { page: 3 });
  aws.keys.set(KEYS.access_key_id, { secret: KEYS.secret_access_key });
  azure.apps.set(`${APP.tenant_id}/${APP.client_id}`, APP.client_secret);
  await cp(fileURLToPath(new URL('../../../../configs', import.meta.url)), join(world.folder, 'configs'), { recursive: true });
  await mkdir(join(world.folder, 'configs/azure/example'), { recursive: true });
  await template('aws', 's3://exports/costs');
  await template('azure', 'azure://acmecosts/exports/costs');
  deliver(aws.objects, 'exports/costs', (parts) => ({ dataFiles: parts.map((name) => `s3://exports/costs/2025-11-05/${name}`) }));
  deliver(azure.objects, 'acmecosts/exports/costs', (parts) => ({
    blobs: parts.map((name) => ({ blobName: `costs/2025-11-05/${name}` })),
  }));
  for (const id of ['acme_corp', 'dies_1', 'dies_2', 'dies_3']) await tenant(id, 'AWS', KEYS);
  await tenant('globex_inc', 'AZURE', APP);
  await tenant('wrong_key', 'AWS', { ...KEYS, secret_access_key: 'wrong/wrong/wrong/wrong/wrong/wrong/wrong' });
  await world.tenant('no_key');
  executor = await world.executor(environment());
});
afterAll(async () => {
  await world.stop();
  await aws.close();
  await azure.close();
});

test.each([
  ['acme_corp', 'aws'],
  ['globex_inc', 'azure'],
] as const)(
  '%s loads what the manifest in its %s account lists, to the last digit, and the same when it runs again',
  async (id, provider) => {
    for (let times = 0; times < 2; times++) {
      expect(await run(id, provider)).toMatchObject({ status: 'COMPLETE', error: null });
      expect(await loaded(id, provider)).toEqual(DELIVERED);
    }
  },
);

test('an object that changed while the export was read starts the step again, which then loads all of the new one', async () => {
  const name = 'exports/costs/2025-11-05/part-6.csv';
  const before = aws.objects.get(name) as string;
  aws.faults = ({ url }) => {
    // Between the list and the last part.
    if (url?.endsWith('/part-3.csv')) aws.objects.set(name, 'cost,day\n100,2025-11-05\n');
    return undefined;
  };
  expect(await run('acme_corp', 'aws')).toMatchObject({ status: 'COMPLETE', error: null });
  aws.faults = undefined;
  expect(await loaded('acme_corp', 'aws')).toEqual({ n: 13, total: '109.000000006' });
  aws.objects.set(name, before);
});

test('what went wrong is told in words, without a secret in what is told, logged or kept', async () => {
  expect(await run('no_key', 'aws')).toMatchObject({ status: 'FAILED', error: { class: 'credential', code: 'credential.missing' } });
  const end = await run('wrong_key', 'aws');
  expect(end).toMatchObject({
    status: 'FAILED',
    error: { class: 'credential', code: 'object.credential', message: 'Amazon S3 does not take the AWS credential.', step: 'load' },
  });
  const kept = await world.query('SELECT TO_JSON_STRING(l) AS log FROM x_meta_step_logs AS l', 'wrong_key');
  for (const secret of [...SECRETS, 'wrong/wrong']) expect(JSON.stringify([end, kept]) + executor.output()).not.toContain(secret);
});

test('kill -9 while objects are fetched, loaded or put in place: the tables are those of a run that nobody disturbed', async () => {
  await executor.kill('SIGKILL');
  const mark = join(world.folder, 'mark');
  const points = ['fetched', 'loaded', 'replaced'];
  const at = points.map((point, i) => `object.load:${point}@dies_${i + 1}`);
  const dying = await world.executor({ ...environment(), CRASH_AT: at.join(','), CRASH_MARK: mark });
  const runs = await Promise.all(points.map((_, i) => world.request(`dies_${i + 1}`, 'aws/example/costs', { date: '2025-11-05' })));
  expect(await dying.gone).toEqual({ code: null, signal: 'SIGKILL' });
  expect((await readFile(mark, 'utf8')).trim().split('\n').sort()).toEqual(at.sort());
  await world.letLeasesEnd();
  await world.executor(environment());
  for (const [i, runId] of runs.entries()) {
    expect(await world.end(runId, 60_000)).toMatchObject({ status: 'COMPLETE', error: null });
    expect(await loaded(`dies_${i + 1}`, 'aws')).toEqual(DELIVERED);
  }
});
