import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startWorld, type World } from './testing/world.ts';

jest.setTimeout(90_000);
const SCHEMA = fileURLToPath(new URL('../../../configs/pipeline.schema.json', import.meta.url));
let world: World;
/** A source that has nothing when it is asked first. */
let asked = 0;
const source = createServer((_, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ data: asked++ === 0 ? [] : [{ a: '1' }] }));
});

beforeAll(async () => {
  world = await startWorld();
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
  const configs = join(world.folder, 'configs');
  await mkdir(join(configs, 'gcp/example'), { recursive: true });
  await copyFile(SCHEMA, join(configs, 'pipeline.schema.json'));
  await writeFile(
    join(configs, 'gcp/example/not_ready.yml'),
    `name: not_ready
description: Asks a source, and tells when it had nothing
provider: gcp
domain: example
version: 1
steps:
  - id: ask
    type: http.extract
    retry: { max_attempts: 1 }
    with:
      url: http://127.0.0.1:${(source.address() as AddressInfo).port}/
      records: data
      columns: { a: { path: a, type: STRING } }
      expect: { min_rows: 1 }
      to: t_asked
  - { id: tell, type: notify, when: failed, with: { message: "It had nothing" } }
`,
  );
});
afterAll(async () => {
  await world.stop();
  await new Promise((resolve) => source.close(resolve));
});

test('a step that failed before its executor died stays failed: it is not done again, and the run ends as it would have', async () => {
  await world.tenant('acme_corp');
  const env = {
    CONFIGS_DIR: join(world.folder, 'configs'),
    CRASH_AT: 'run:logged_failed@acme_corp',
    CRASH_MARK: join(world.folder, 'mark'),
  };
  const first = await world.executor(env);
  const run = await world.request('acme_corp', 'gcp/example/not_ready');
  expect(await first.gone).toEqual({ code: null, signal: 'SIGKILL' });
  const clock = (factor: number) =>
    fetch(`${world.cloud.env.BIGQUERY_EMULATOR_HOST}/__control/clock`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ factor }),
    });
  // The leases of the dead one run out.
  await clock(240);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await clock(1);
  await world.executor(env);
  expect(await world.end(run)).toMatchObject({
    status: 'FAILED',
    did_work: true,
    retryable: true,
    error: { code: 'http.too_few_rows', class: 'source_not_ready', step: 'ask', hint: expect.stringContaining('was tried once') },
  });
  expect(asked).toBe(1);
  const steps = await world.query('SELECT step_name, status, retryable FROM x_meta_step_logs ORDER BY end_time', 'acme_corp');
  expect(steps).toEqual([
    { step_name: 'ask', status: 'FAILED', retryable: true },
    { step_name: 'tell', status: 'COMPLETE', retryable: null },
  ]);
});
