/** A step that came to an end without success before its executor died: it is not done again, and the run ends as it would have. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { type End, startWorld, type World } from './testing/world.ts';

jest.setTimeout(90_000);
const SCHEMA = fileURLToPath(new URL('../../../configs/pipeline.schema.json', import.meta.url));
let world: World;
/** What the source was asked for. Each time first it has nothing, for `/late` after a while; for `/never` it does not answer then. */
let asked: string[] = [];
const source = createServer(async (request, response) => {
  const { url = '' } = request;
  const first = !asked.includes(url);
  asked.push(url);
  if (first && url === '/never') return;
  if (first && url === '/late') await new Promise((resolve) => setTimeout(resolve, 700));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ data: first ? [] : [{ a: '1' }] }));
});

const ask = (id: string, more = '') =>
  `  - id: ${id}
    type: http.extract
    retry: { max_attempts: 1 }
${more}    with:
      url: http://127.0.0.1:${(source.address() as AddressInfo).port}/${id}
      records: data
      columns: { a: { path: a, type: STRING } }
      expect: { min_rows: 1 }
      to: t_${id}
`;
const TELL = '  - { id: tell, type: notify, when: failed, with: { message: "It had nothing" } }\n';
const template = (name: string, steps: string, more = '') =>
  writeFile(
    join(world.folder, `configs/gcp/example/${name}.yml`),
    `name: ${name}\ndescription: Asks a source\nprovider: gcp\ndomain: example\nversion: 1\n${more}steps:\n${steps}`,
  );

beforeAll(async () => {
  world = await startWorld();
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
  await mkdir(join(world.folder, 'configs/gcp/example'), { recursive: true });
  await copyFile(SCHEMA, join(world.folder, 'configs/pipeline.schema.json'));
  await template('not_ready', `${ask('ask')}${TELL}`);
  await template('goes_on', `${ask('ask', '    on_failure: continue\n')}${ask('late', '    on_failure: continue\n')}`);
  await template(
    'two',
    `${ask('late', '    depends_on: []\n')}${ask('ask', '    depends_on: []\n')}${TELL.replace('notify,', 'notify, depends_on: [late, ask],')}`,
  );
  await template('too_long', ask('never'), 'timeout_minutes: 0.03\n');
});
beforeEach(() => {
  asked = [];
});
afterAll(async () => {
  await world.stop();
  await new Promise((resolve) => source.close(resolve));
});

/** How a run ends whose executor dies at `crashAt`, and what its steps came to. */
async function endAfter(crashAt: string, tenant: string, name: string): Promise<{ end: End; steps: unknown[] }> {
  await world.tenant(tenant);
  const env = {
    CONFIGS_DIR: join(world.folder, 'configs'),
    CRASH_AT: `run:${crashAt}@${tenant}`,
    CRASH_MARK: join(world.folder, `mark-${tenant}`),
  };
  const first = await world.executor(env);
  const run = await world.request(tenant, `gcp/example/${name}`);
  expect(await first.gone).toEqual({ code: null, signal: 'SIGKILL' });
  await world.letLeasesEnd();
  const second = await world.executor(env);
  const end = await world.end(run);
  await second.kill('SIGKILL');
  const steps = await world.query('SELECT step_name, status, retryable FROM x_meta_step_logs ORDER BY end_time', tenant);
  return { end, steps: [...steps] };
}

test('one that failed stays failed', async () => {
  const { end, steps } = await endAfter('logged_failed', 'acme_corp', 'not_ready');
  expect(end).toMatchObject({
    status: 'FAILED',
    did_work: true,
    retryable: true,
    error: { code: 'http.too_few_rows', class: 'source_not_ready', step: 'ask', hint: expect.stringContaining('was tried once') },
  });
  expect(asked).toEqual(['/ask']);
  expect(steps).toEqual([
    { step_name: 'ask', status: 'FAILED', retryable: true },
    { step_name: 'tell', status: 'COMPLETE', retryable: null },
  ]);
});

test('one that failed and lets the run go on does so', async () => {
  const { end, steps } = await endAfter('logged_failed', 'goes_on_corp', 'goes_on');
  expect(end).toMatchObject({ status: 'COMPLETE', error: null });
  expect(asked).toEqual(['/ask', '/late']);
  expect(steps).toEqual([
    { step_name: 'ask', status: 'FAILED', retryable: true },
    { step_name: 'late', status: 'FAILED', retryable: true },
  ]);
});

test('of two that failed the one that failed first is why the run did', async () => {
  const { end, steps } = await endAfter('logged_complete', 'two_corp', 'two');
  expect(steps.slice(0, 2)).toMatchObject([{ step_name: 'ask' }, { step_name: 'late' }]);
  expect(end).toMatchObject({ status: 'FAILED', error: { code: 'http.too_few_rows', step: 'ask' } });
  expect(asked.sort()).toEqual(['/ask', '/late']);
});

test("one that the end of the run's time cut off has cut the run off", async () => {
  const { end, steps } = await endAfter('logged_cancelled', 'long_corp', 'too_long');
  expect(end).toMatchObject({
    status: 'FAILED',
    did_work: true,
    retryable: true,
    error: { code: 'run.timeout', class: 'timeout', step: 'never', message: expect.stringContaining('Under way: never.') },
  });
  expect(asked).toEqual(['/never']);
  expect(steps).toEqual([{ step_name: 'never', status: 'CANCELLED', retryable: null }]);
});
