import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BucketServer, startBucketServer } from '@convergence/testing';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startWorld, type World } from './testing/world.ts';

jest.setTimeout(60_000);
let world: World;
let bucket: BucketServer;
const template = (name: string, steps: string) =>
  writeFile(
    join(world.folder, `configs/gcp/example/${name}.yml`),
    `name: ${name}\ndescription: ${name}\nprovider: gcp\ndomain: example\nversion: 1\nparameters:\n  date: { type: date, default: "{yesterday}" }\nsteps:\n${steps}`,
  );
beforeAll(async () => {
  world = await startWorld();
  await cp(fileURLToPath(new URL('../../../configs', import.meta.url)), join(world.folder, 'configs'), { recursive: true });
  await template(
    'marked',
    '  - id: copy\n    type: bigquery.copy\n    with: { from: "{dataset}.sales", filter: "day = @date", watermark: changed_at, control_totals: [amount, rate], to: raw_sales, unit: { day: "{date}", column: day } }\n',
  );
  await template(
    'watched',
    '  - id: check\n    type: dq.check\n    with: { table: daily, unit: { day: "{date}", column: day }, rules: [{ rule: anomaly, metric: sum, column: daily, window_days: 7 }] }\n',
  );
  await template(
    'watched_month',
    '  - id: check\n    type: dq.check\n    with: { table: daily, unit: { month: "{month}", column: day }, rules: [{ rule: anomaly, metric: sum, column: daily, window_days: 7 }] }\n',
  );
  await template(
    'thin',
    '  - id: copy\n    type: bigquery.copy\n    with: { from: "{dataset}.sales", columns: [day, amount], filter: "day = @date", watermark: changed_at, to: raw_thin, unit: { day: "{date}", column: day } }\n',
  );
  await template(
    'keyed',
    '  - id: load\n    type: bigquery.query\n    with: { sql: "SELECT id, cost FROM keyed_source", to: keyed, unit: { keys: [id] } }\n',
  );
  await template('drifting', '  - id: check\n    type: dq.check\n    with: { table: nested, rules: [{ rule: no_schema_drift }] }\n');
  await template(
    'measured',
    '  - id: load\n    type: bigquery.query\n    with: { sql: "SELECT x, measured FROM points", to: measured }\n  - id: check\n    type: dq.check\n    with: { table: measured, rules: [{ rule: not_null, column: x }, { rule: between, column: measured, max: 0.5 }, { rule: matches_control_total, of: load, column: x, tolerance: 0.01 }] }\n',
  );
  await template(
    'onwards',
    '  - id: query\n    type: bigquery.query\n    with: { sql: "SELECT * FROM raw_sales", to: queried }\n  - id: copy\n    type: bigquery.copy\n    depends_on: []\n    with: { from: raw_sales, to: copied }\n',
  );
  bucket = await startBucketServer('exports');
  await template(
    'bucket',
    '  - id: load\n    type: object.load\n    retry: { max_attempts: 1 }\n    with: { from: "gs://exports/costs/{date}", manifest: manifest.json, format: CSV, columns: { cost: NUMERIC, day: DATE }, to: raw_bucket, unit: { day: "{date}", column: day } }\n',
  );
  await world.tenant('acme_corp');
  await world.query(
    `CREATE TABLE sales AS SELECT DATE '2025-11-05' AS day, NUMERIC '10.5' AS amount, 0.1 AS rate, TIMESTAMP '2025-11-06 01:00:00Z' AS changed_at
UNION ALL SELECT DATE '2025-11-06', NUMERIC '7', 0.4, TIMESTAMP '2025-11-07 01:00:00Z'`,
    'acme_corp',
  );
  await world.query(
    `CREATE TABLE daily AS SELECT DATE_SUB(DATE '2025-11-08', INTERVAL n DAY) AS day, NUMERIC '100' + MOD(n, 3) AS daily FROM UNNEST(GENERATE_ARRAY(1, 7)) AS n
UNION ALL SELECT DATE '2025-11-08', NUMERIC '102' UNION ALL SELECT DATE '2025-11-09', NUMERIC '900'`,
    'acme_corp',
  );
  await world.query("CREATE TABLE keyed_source AS SELECT 'a' AS id, NUMERIC '1' AS cost", 'acme_corp');
  await world.query('CREATE TABLE points AS SELECT CAST(p AS NUMERIC) AS x, 0.25 AS measured FROM UNNEST([1, NULL]) AS p', 'acme_corp');
  await world.query(
    "CREATE TABLE nested AS SELECT STRUCT('p' AS id, [STRUCT('k' AS key, 'v' AS value)] AS labels, 'n' AS name) AS project, 1 AS n",
    'acme_corp',
  );
  await world.executor({ CONFIGS_DIR: join(world.folder, 'configs'), STORAGE_EMULATOR_HOST: bucket.host });
});
afterAll(async () => {
  await world.stop();
  await bucket.close();
});

async function run(name: string, date: string) {
  const runId = await world.request('acme_corp', `gcp/example/${name}`, { date });
  return { runId, end: await world.end(runId) };
}

describe('watermark of bigquery.copy', () => {
  const copied = () =>
    world.query("SELECT x_run_id, CAST(SUM(amount) AS STRING) AS total FROM raw_sales WHERE day = '2025-11-05' GROUP BY 1", 'acme_corp');
  const seen = async (runId: string) =>
    (
      await world.query(
        `SELECT JSON_VALUE(outputs, '$.watermark') AS w FROM x_meta_step_logs WHERE pipeline_logging_id = '${runId}'`,
        'acme_corp',
      )
    )[0]?.w;

  test('copies what changed, leaves alone what did not, and remembers what it saw', async () => {
    const first = await run('marked', '2025-11-05');
    expect(first.end).toMatchObject({ status: 'COMPLETE', error: null });
    expect(await copied()).toEqual([{ x_run_id: first.runId, total: '10.5' }]);

    const again = await run('marked', '2025-11-05');
    expect(again.end.status).toBe('COMPLETE');
    expect(await copied()).toEqual([{ x_run_id: first.runId, total: '10.5' }]);
    expect(await seen(again.runId)).toBe(await seen(first.runId));

    // A late correction of the day.
    await world.query("INSERT INTO sales VALUES ('2025-11-05', NUMERIC '-0.5', 0.2, TIMESTAMP '2025-11-09 03:00:00Z')", 'acme_corp');
    const late = await run('marked', '2025-11-05');
    expect(await copied()).toEqual([{ x_run_id: late.runId, total: '10' }]);
    expect(await seen(late.runId)).not.toBe(await seen(first.runId));
    // Floats are added up as decimals: 0.1 + 0.2.
    const [log] = await world.query(
      `SELECT JSON_VALUE(control_totals, '$.source.sums.rate') AS source, JSON_VALUE(control_totals, '$.result.sums.rate') AS result FROM x_meta_step_logs WHERE pipeline_logging_id = '${late.runId}'`,
      'acme_corp',
    );
    expect(log).toEqual({ source: '0.3', result: '0.3' });
  });

  test('a template that copies something else copies again though the source did not change', async () => {
    await run('thin', '2025-11-06');
    expect(Object.keys((await world.query('SELECT * FROM raw_thin', 'acme_corp'))[0] ?? {})).not.toContain('rate');
    const file = join(world.folder, 'configs/gcp/example/thin.yml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('version: 1', 'version: 2').replace('[day, amount]', '[day, amount, rate]'));
    let again = await run('thin', '2025-11-06');
    for (let tries = 0; again.end.template_version !== 2 && tries < 50; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      again = await run('thin', '2025-11-06');
    }
    expect(again.end).toMatchObject({ status: 'COMPLETE', template_version: 2 });
    expect(await world.query('SELECT rate FROM raw_thin', 'acme_corp')).toEqual([{ rate: 0.4 }]);
  });

  test('another day has a watermark of its own', async () => {
    await run('marked', '2025-11-06');
    expect(await world.query("SELECT CAST(SUM(amount) AS STRING) AS total FROM raw_sales WHERE day = '2025-11-06'", 'acme_corp')).toEqual([
      { total: '7' },
    ]);
  });
});

test('rows of a table that a step wrote go on with the lineage of the run that takes them', async () => {
  const { runId, end } = await run('onwards', '2025-11-05');
  expect(end).toMatchObject({ status: 'COMPLETE', error: null });
  for (const table of ['queried', 'copied']) {
    expect(await world.query(`SELECT DISTINCT x_run_id FROM ${table}`, 'acme_corp')).toEqual([{ x_run_id: runId }]);
    expect((await world.warehouse.columnsOf('acme_corp', table))?.filter((c) => c.name.startsWith('x_'))).toHaveLength(3);
  }
});

test('a row without its key is refused: it would be added again with each run', async () => {
  expect((await run('keyed', '2025-11-05')).end.status).toBe('COMPLETE');
  await world.query("INSERT INTO keyed_source (cost) VALUES (NUMERIC '2')", 'acme_corp');
  await run('keyed', '2025-11-05');
  expect((await run('keyed', '2025-11-05')).end).toMatchObject({ status: 'FAILED', error: { code: 'step.key_missing', step: 'load' } });
  expect(await world.query('SELECT id, CAST(cost AS STRING) AS cost FROM keyed', 'acme_corp')).toEqual([{ id: 'a', cost: '1' }]);
});

test('columns within columns that stay as they were are no drift', async () => {
  expect((await run('drifting', '2025-11-05')).end).toMatchObject({ status: 'COMPLETE', error: null });
  expect((await run('drifting', '2025-11-05')).end).toMatchObject({ status: 'COMPLETE', error: null });
  await world.query('ALTER TABLE nested ADD COLUMN more STRING', 'acme_corp');
  expect((await run('drifting', '2025-11-05')).end).toMatchObject({
    status: 'FAILED',
    error: { message: expect.stringContaining('more is new instead of') },
  });
});

test('a column called x is one to totals and rules', async () => {
  expect((await run('measured', '2025-11-05')).end).toMatchObject({
    status: 'FAILED',
    error: { code: 'dq.failed', message: '1 of 3 rules failed: not_null of x: 1 of 2 rows.' },
  });
});

test('the anomaly rule: of a month, which is no day, it says nothing, rather than that its first day is well', async () => {
  expect((await run('watched_month', '2025-11-09')).end).toMatchObject({ status: 'FAILED', error: { code: 'dq.anomaly_unit' } });
});

test('the anomaly rule: a day like those before it passes, one that is far off fails and says what was expected', async () => {
  expect((await run('watched', '2025-11-08')).end).toMatchObject({ status: 'COMPLETE', error: null });
  const { end, runId } = await run('watched', '2025-11-09');
  expect(end).toMatchObject({ status: 'FAILED', error: { class: 'data_quality', step: 'check' } });
  const [result] = await world.query(
    `SELECT rule, status, expected, actual FROM x_meta_dq_results WHERE pipeline_logging_id = '${runId}'`,
    'acme_corp',
  );
  expect(result).toMatchObject({ rule: 'anomaly', status: 'failed', actual: '900.00' });
  expect(result?.expected).toMatch(/^9\d\.\d\d to 10\d\.\d\d$/);
});

test('object.load from a bucket: what its manifest lists, to the last digit, and again when it was delivered again', async () => {
  const folder = 'costs/2025-11-05';
  bucket.objects.set(`${folder}/part-1.csv`, 'cost,day\n0.123456789,2025-11-05\n-5,2025-11-05\n');
  bucket.objects.set(`${folder}/part-2.csv`, 'cost,day\n1,2025-11-05\n');
  bucket.objects.set(`${folder}/old.csv`, 'cost,day\n999,2025-11-05\n');
  const total = async () =>
    (
      await world.query("SELECT COUNT(*) AS n, CAST(SUM(cost) AS STRING) AS total FROM raw_bucket WHERE day = '2025-11-05'", 'acme_corp')
    )[0];
  bucket.objects.set(
    `${folder}/manifest.json`,
    JSON.stringify({ dataFiles: [`gs://exports/${folder}/part-1.csv`, `gs://exports/${folder}/part-2.csv`] }),
  );
  expect((await run('bucket', '2025-11-05')).end).toMatchObject({ status: 'COMPLETE', error: null });
  expect(await total()).toEqual({ n: 3, total: '-3.876543211' });
  bucket.objects.set(`${folder}/manifest.json`, JSON.stringify({ dataFiles: [`gs://exports/${folder}/part-2.csv`] }));
  expect((await run('bucket', '2025-11-05')).end.status).toBe('COMPLETE');
  expect(await total()).toEqual({ n: 1, total: '1' });
  expect((await run('bucket', '2025-11-06')).end).toMatchObject({
    status: 'FAILED',
    error: { code: 'object.manifest_missing', step: 'load' },
  });
}, 60_000);

test('object.load says which object it could not load, and whether that is broken or does not fit', async () => {
  const folder = 'costs/2025-11-07';
  bucket.objects.set(`${folder}/part-1.csv`, 'cost,day\n1,2025-11-07\n');
  bucket.objects.set(`${folder}/manifest.json`, JSON.stringify({ files: ['part-1.csv', 'part-2.csv'] }));
  const errorWith = async (content: string) => {
    bucket.objects.set(`${folder}/part-2.csv`, content);
    return (await run('bucket', '2025-11-07')).end.error;
  };
  expect(await errorWith('cost,day\n1,2025-11-07\n2,"2025')).toMatchObject({
    code: 'object.broken',
    class: 'schema',
    message: `gs://exports/${folder}/part-2.csv can not be read: Error detected while parsing row starting at position: 22. Error: Missing close double quote (") character.`,
    hint: expect.stringContaining('broken or cut off'),
  });
  expect(await errorWith('cost,day\n1,2025-11-07\nmuch,2025-11-07\n')).toMatchObject({
    code: 'bigquery.invalid',
    message: expect.stringMatching(
      /^gs:\/\/exports\/costs\/2025-11-07\/part-2.csv does not fit: Could not parse 'much' as NUMERIC for field cost/,
    ),
    hint: expect.stringContaining('Compare its columns'),
  });
});
