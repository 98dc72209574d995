import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startWorld, type World } from './testing/world.ts';

/** A worker dies between two steps of a run, and the template is another one when somebody goes on with it. */
jest.setTimeout(90_000);
const SCHEMA = fileURLToPath(new URL('../../../configs/pipeline.schema.json', import.meta.url));
const TENANTS = ['changed', 'deleted', 'unknown', 'last'];
let world: World;
let configs: string;
const runs = new Map<string, string>();

const write = (name: string, version: number) =>
  writeFile(
    join(configs, `gcp/example/${name}.yml`),
    `name: ${name}
description: Says which version it is
provider: gcp
domain: example
version: ${version}
steps:
  - { id: first, type: bigquery.query, with: { sql: "SELECT ${version} AS version", to: t_first } }
  - { id: second, type: bigquery.query, with: { sql: "SELECT ${version} AS version", to: t_second } }
`,
  );
async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300 && !(await check()); tries++) await new Promise((resolve) => setTimeout(resolve, 50));
}
const recorded = (tenant: string) =>
  world.query(
    `SELECT status, template_version, template_hash IS NOT NULL AS hashed FROM x_meta_pipeline_runs WHERE tenant_id = '${tenant}'`,
    'tenants',
  );
const versions = async (tenant: string) =>
  (await world.query('SELECT (SELECT version FROM t_first) AS first, (SELECT version FROM t_second) AS second', tenant))[0];

beforeAll(async () => {
  world = await startWorld();
  configs = join(world.folder, 'configs');
  await mkdir(join(configs, 'gcp/example'), { recursive: true });
  await copyFile(SCHEMA, join(configs, 'pipeline.schema.json'));
  await Promise.all(TENANTS.flatMap((name) => [world.tenant(name), write(name, 1)]));
  const env = {
    CONFIGS_DIR: configs,
    CRASH_AT: TENANTS.map((t) => `run:logged_complete@${t}`).join(),
    CRASH_MARK: join(world.folder, 'mark'),
  };
  const first = await world.executor(env);
  const request = async (name: string) => runs.set(name, await world.request(name, `gcp/example/${name}`));
  await Promise.all(['changed', 'deleted', 'unknown'].map(request));
  for (const tenant of ['changed', 'deleted', 'unknown']) await eventually(async () => (await recorded(tenant))[0]?.hashed === true);
  await request('last');
  await first.gone;
  await Promise.all([write('changed', 2), write('unknown', 2), rm(join(configs, 'gcp/example/deleted.yml'))]);
  await world.query("DELETE FROM pipeline_template_versions WHERE template = 'unknown'", 'tenants');
  await world.letLeasesEnd();
  await world.executor(env);
});
afterAll(() => world.stop());

describe('a run that is delivered again', () => {
  test.each(['changed', 'deleted'])('ends in the version that it began with when its template was %s meanwhile', async (tenant) => {
    expect(await world.end(runs.get(tenant) as string)).toMatchObject({ status: 'COMPLETE', template_version: 1 });
    expect(await versions(tenant)).toEqual({ first: 1, second: 1 });
    await eventually(async () => (await recorded(tenant))[0]?.status === 'COMPLETE');
    expect(await recorded(tenant)).toEqual([{ status: 'COMPLETE', template_version: 1, hashed: true }]);
  });

  test('begins anew in the present version when nobody knows the old one any more, and is recorded with that', async () => {
    expect(await world.end(runs.get('unknown') as string)).toMatchObject({ status: 'COMPLETE', template_version: 2 });
    expect(await versions('unknown')).toEqual({ first: 2, second: 2 });
    await eventually(async () => (await recorded('unknown'))[0]?.status === 'COMPLETE');
    expect(await recorded('unknown')).toEqual([{ status: 'COMPLETE', template_version: 2, hashed: true }]);
  });

  test('is the only one that the old version is for: the next run is in the present one', async () => {
    const next = await world.request('changed', 'gcp/example/changed', { date: '2025-01-02' });
    expect(await world.end(next)).toMatchObject({ status: 'COMPLETE', template_version: 2 });
    expect(await versions('changed')).toEqual({ first: 2, second: 2 });
  });
});
