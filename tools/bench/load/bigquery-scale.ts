/** What `bench bigquery` asks of local-cloud at length: many statements, many datasets, a large file. */
import { statSync } from 'node:fs';
import { join } from 'node:path';

// biome-ignore lint/suspicious/noExplicitAny: answers of the API
type Json = any;

export interface Scale {
  readonly dataDir: string;
  query(sql: string, more?: object): Promise<Json>;
  post(path: string, body: unknown): Promise<Json>;
  id(i: number): object;
  timed(rounds: number, work: (round: number) => Promise<unknown>): Promise<number>;
  report(what: string, value: string, goal?: string): void;
  resident(): number;
  peak(): number;
  /** How long until it is ready again. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<string>;
}
const AT_ONCE = 8;
const SAMPLES = 10;

async function together(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) await work(next++);
    }),
  );
}

/** Half of them read, a fifth insert, a tenth update, a fifth have text of their own, so that nothing compiled serves twice. */
export async function noGrowth({ query, id, report, resident, timed }: Scale, statements: number): Promise<void> {
  await query('create table b.grown (id int64, name string)');
  const one = (i: number): Promise<unknown> => {
    if (i % 10 < 5) return query('select name from b.million where id = @id', id(i));
    if (i % 10 < 7) return query("insert into b.grown (id, name) values (@id, 'name')", id(i));
    if (i % 10 < 8) return query('update b.million set v = 2.5 where id = @id', id(i % 5000));
    return query(`select name, ${i} as n from b.million where id = ${i}`);
  };
  const samples: number[] = [];
  const took = await timed(1, async () => {
    for (let part = 0; part < SAMPLES; part++) {
      const size = Math.floor(statements / SAMPLES);
      await together(size, (i) => one(part * size + i).catch(refusedForOthers));
      samples.push(Math.round(resident()));
    }
  });
  report(
    `resident memory over ${statements.toLocaleString('en')} statements`,
    `${samples.join(' ')} MB`,
    `in ${(took / 1000).toFixed(0)} s`,
  );
}

/** Eight at once on one table: some updates find it changed, as in BigQuery. */
function refusedForOthers(error: Error): void {
  if (!/concurrent update/i.test(error.message)) throw error;
}

export async function manyDatasets({ post, query, timed, report, resident, peak, restart }: Scale, datasets: number): Promise<void> {
  const fields = [
    { name: 'id', type: 'INTEGER' },
    { name: 'name', type: 'STRING' },
  ];
  const took = await timed(1, () =>
    together(datasets, async (i) => {
      const datasetId = `many_${i}`;
      await post('/datasets', { datasetReference: { datasetId } });
      for (const tableId of ['x_one', 'x_two', 'x_three'])
        await post(`/datasets/${datasetId}/tables`, { tableReference: { tableId }, schema: { fields } });
    }),
  );
  const named = `${datasets.toLocaleString('en')} datasets with 3 tables each`;
  report(`${named}, made in`, `${(took / 1000).toFixed(1)} s`);
  report(
    '  first query of one of their tables',
    `${(await timed(200, (i) => query(`select count(*) from many_${(i * 37) % datasets}.x_two`))).toFixed(2)} ms`,
  );
  report('  peak memory', `${Math.round(peak())} MB`, 'goal under 1 GB');
  report('  start after kill -9', await restart('SIGKILL'), 'goal under 3 s');
  report('  start after a clean end', await restart('SIGTERM'), 'goal under 3 s');
  report('  memory after that start', `${Math.round(resident())} MB`);
  await timed(1, () => together(datasets, (i) => query(`insert into many_${i}.x_one (id, name) values (${i}, 'x')`)));
  report('  peak memory when a table of each has a row', `${Math.round(peak())} MB`, 'goal under 1 GB');
  report(
    '  first query of a table with a row',
    `${(await timed(200, (i) => query(`select name from many_${(i * 41) % datasets}.x_one`))).toFixed(2)} ms`,
  );
}

export async function largeFile({ dataDir, query, report, resident, restart, timed }: Scale, megabytes: number): Promise<void> {
  const file = join(dataDir, 'bigquery', 'bigquery.duckdb');
  const size = () => statSync(file).size / 2 ** 20;
  const texts = Array.from({ length: 10 }, (_, i) => `generate_uuid() as t${i}`).join(', ');
  for (let part = 0; size() < megabytes; part++)
    await query(`create table b.part_${part} as select x as id, ${texts} from unnest(generate_array(1, 200000)) x`);
  await query('create table b.last (id int64)');
  report(`start after kill -9 on a file of ${Math.round(size())} MB`, await restart('SIGKILL'), 'goal under 3 s');
  report('start after a clean end', await restart('SIGTERM'), 'goal under 3 s');
  report('first query after it', `${(await timed(1, () => query('select t0 from b.part_0 where id = 77'))).toFixed(0)} ms`);
  report('memory then', `${Math.round(resident())} MB`);
}
