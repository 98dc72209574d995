/**
 * Fifty long runs at once on one executor: each reads a source that takes a second for a page, for half a minute. What the executor's
 * process, started as the launcher starts it, takes of memory meanwhile, at most and at the end, beside what it takes idle.
 *
 *   npm run bench -- long-runs       BENCH_RUNS=50  BENCH_PAGES=30  BENCH_ROWS=100 (of a page)
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startWorld } from '../../apps/executor-service/src/testing/world.ts';
import { SMALL_HEAP } from '../launcher/plan.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const RUNS = Number(process.env.BENCH_RUNS ?? 50);
const PAGES = Number(process.env.BENCH_PAGES ?? 30);
const LIMIT_MB = 300;
const ROWS = Number(process.env.BENCH_ROWS ?? 100);

const residentMb = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);

const source = createServer((request, response) => {
  const page = Number(new URL(request.url ?? '/', 'http://here').searchParams.get('page') ?? 0);
  const data = Array.from({ length: ROWS }, (_, n) => ({
    id: page * ROWS + n,
    what: `line ${n} of page ${page}`,
    amount: `${n}.25`,
    note: 'x'.repeat(60),
  }));
  setTimeout(() => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ data, has_more: page + 1 < PAGES, next_page: page + 1 < PAGES ? String(page + 1) : null }));
  }, 1000);
});
await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
process.env.METADATA_SERVER_DETECTION = 'none';
const world = await startWorld();
let most = 0;
let watch: NodeJS.Timeout | undefined;
try {
  const folder = join(world.folder, 'configs/openai/example');
  cpSync(join(root, 'configs'), join(world.folder, 'configs'), { recursive: true });
  writeFileSync(
    join(folder, 'long.yml'),
    `name: long
description: A source that takes its time
provider: openai
domain: example
version: 1
steps:
  - id: read
    type: http.extract
    with:
      url: http://127.0.0.1:${(source.address() as AddressInfo).port}/rows
      records: data
      pagination: { type: token, next: next_page, parameter: page, has_more: has_more }
      columns:
        id: { path: id, type: INT64 }
        what: { path: what, type: STRING }
        amount: { path: amount, type: NUMERIC }
        note: { path: note, type: STRING }
      to: long_rows
`,
  );
  const executor = await world.executor(
    { CONFIGS_DIR: join(world.folder, 'configs'), CONCURRENCY: String(RUNS), MALLOC_ARENA_MAX: '1' },
    SMALL_HEAP,
  );
  const idle = residentMb(executor.pid);
  const runs: string[] = [];
  for (let n = 0; n < RUNS; n++) {
    await world.tenant(`long_${n}`);
    runs.push(await world.request(`long_${n}`, 'openai/example/long'));
  }
  watch = setInterval(() => {
    most = Math.max(most, residentMb(executor.pid));
  }, 200);
  const ends = await Promise.all(runs.map((run) => world.end(run, 140_000)));
  const failed = ends.find((end) => end.error);
  if (failed) throw new Error(JSON.stringify(failed.error));
  const [row] = await world.query('SELECT COUNT(*) AS n FROM long_0.long_rows');
  console.log(`${ends.filter((end) => end.status === 'COMPLETE').length} of ${RUNS} runs complete, ${row?.n} rows each`);
  console.log(`executor         idle ${idle} MB, at most ${most} MB, afterwards ${residentMb(executor.pid)} MB   limit ${LIMIT_MB} MB`);
} finally {
  clearInterval(watch);
  await world.stop();
  source.close();
}
