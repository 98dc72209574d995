/**
 * BigQuery Storage Write through the real JSON writer against local-cloud as a process of its own: what one append costs a caller who
 * waits for it, and how many go through. Beside it what no server can do without: a gRPC stream that only echoes the same bytes, and
 * the file alone, one write of a record of that size in the same directory; and with an fdatasync, which an append does not wait for.
 *
 *   npm run bench -- storage-write [lone] [many] [memory]     BENCH_ROUNDS=5 (median)  BENCH_LONG=200000
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEcho } from './load/grpc-echo.ts';
import { cpuSeconds, median, memoryMb, quantiles, runCloud } from './load/process-watch.ts';

const require = createRequire(new URL('../../apps/local-cloud/package.json', import.meta.url));
const grpc = require('@grpc/grpc-js') as typeof import('@grpc/grpc-js');
const { managedwriter, adapt } = require('@google-cloud/bigquery-storage') as typeof import('@google-cloud/bigquery-storage');

process.env.METADATA_SERVER_DETECTION = 'none';
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const PROJECT = 'convergence-local';
const LONE = 200;
const SINGLES = 20_000;
const BATCHES = 200;
const BATCH = 500;
const WRITERS = 8;
const LONG = Number(process.env.BENCH_LONG ?? 200_000);
/** About what an append of one such row is on the wire and in the write log. */
const RECORD = Buffer.alloc(160, 'x');
const sections = process.argv.slice(2);
const wanted = (section: string): boolean => sections.length === 0 || sections.includes(section);

const dataDir = mkdtempSync(join(tmpdir(), 'bench-storage-write-'));
const cloud = await runCloud(dataDir);
const echo = await startEcho();

const report = (what: string, value: string): void => console.log(`${what.padEnd(58)} ${value}`);
const both = (rounds: readonly { p50: number; p99: number }[]): string =>
  `p50 ${median(rounds.map(({ p50 }) => p50)).toFixed(2)} ms  p99 ${median(rounds.map(({ p99 }) => p99)).toFixed(2)} ms`;
const rate = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`;

async function rest(path: string, body: unknown): Promise<{ rows?: { f: { v: string }[] }[] }> {
  const response = await fetch(`${cloud.addresses.bigquery}/projects/${PROJECT}${path}`, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) {
    throw new Error(await response.text());
  }
  return (await response.json()) as { rows?: { f: { v: string }[] }[] };
}

const [host, port] = cloud.addresses.storage.split(':') as [string, string];
const client = new managedwriter.WriterClient({
  projectId: PROJECT,
  apiEndpoint: host,
  port: Number(port),
  sslCreds: grpc.credentials.createInsecure(),
});
await rest('/datasets', { datasetReference: { datasetId: 'b' } });
const fields = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'name', type: 'STRING' },
  { name: 'seen', type: 'TIMESTAMP' },
];
await rest('/datasets/b/tables', { tableReference: { tableId: 'stream' }, schema: { fields } });
let written = 0;

/** Appends to a committed stream of its own; answers when it is durable. */
async function writer(): Promise<(count: number) => Promise<void>> {
  const described = await client.createWriteStreamFullResponse({
    streamType: managedwriter.CommittedStream as never,
    destinationTable: `projects/${PROJECT}/datasets/b/tables/stream`,
  });
  const connection = await client.createStreamConnection({ streamId: described.name! });
  const json = new managedwriter.JSONWriter({
    connection,
    protoDescriptor: adapt.convertStorageSchemaToProto2Descriptor(described.tableSchema!, 'root'),
  });
  let next = 0;
  return async (count) => {
    const offset = next;
    next += count;
    const rows = Array.from({ length: count }, () => ({ id: written++, name: 'somebody with a name', seen: 1_700_000_000_000_000 }));
    const { error } = await json.appendRows(rows as never, offset).getResult();
    if (error) {
      throw new Error(error.message ?? 'refused');
    }
  };
}

async function timed(times: number, act: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    await act();
    taken.push(performance.now() - began);
  }
  return taken;
}

async function perSecond(count: number, act: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await act();
  return count / ((performance.now() - began) / 1000);
}

async function lone(): Promise<void> {
  const append = await writer();
  mkdirSync(join(dataDir, 'bare'));
  const file = await open(join(dataDir, 'bare', 'log'), 'a');
  const many = await Promise.all(Array.from({ length: WRITERS }, writer));
  await timed(LONE, () => append(1));
  const found: Record<'file' | 'disk' | 'echo' | 'one' | 'each', { p50: number; p99: number }[]> = {
    file: [],
    disk: [],
    echo: [],
    one: [],
    each: [],
  };
  const talk = echo.talk();
  for (let round = 0; round < ROUNDS; round++) {
    found.file.push(quantiles(await timed(LONE, () => file.write(RECORD))));
    found.disk.push(
      quantiles(
        await timed(LONE, async () => {
          await file.write(RECORD);
          await file.datasync();
        }),
      ),
    );
    found.echo.push(quantiles(await timed(LONE, () => talk.say(RECORD))));
    found.one.push(quantiles(await timed(LONE, () => append(1))));
    found.each.push(quantiles((await Promise.all(many.map((each) => timed(LONE, () => each(1))))).flat()));
  }
  talk.end();
  await file.close();
  report('the file alone: a write', both(found.file));
  report('with an fdatasync, which an append does not wait for', both(found.disk));
  report('the gRPC echo alone: a message there and back', both(found.echo));
  report('an append of one row, one at a time', both(found.one));
  report(`the same by ${WRITERS} writers at once`, both(found.each));
}

async function many(): Promise<void> {
  const append = await writer();
  const all = (count: number, rows: number) => Promise.all(Array.from({ length: count }, () => append(rows)));
  await all(SINGLES / 4, 1);
  const found: Record<'echo' | 'singles' | 'batches' | 'server' | 'own', number[]> = {
    echo: [],
    singles: [],
    batches: [],
    server: [],
    own: [],
  };
  for (let round = 0; round < ROUNDS; round++) {
    found.echo.push(await perSecond(SINGLES, () => echo.stream(RECORD, SINGLES)));
    const server = cpuSeconds(cloud.pid);
    const own = process.cpuUsage();
    found.singles.push(await perSecond(SINGLES, () => all(SINGLES, 1)));
    const { user, system } = process.cpuUsage(own);
    found.server.push(((cpuSeconds(cloud.pid) - server) * 1e6) / SINGLES);
    found.own.push((user + system) / SINGLES);
    found.batches.push(await perSecond(BATCHES * BATCH, () => all(BATCHES, BATCH)));
  }
  const bare = median(found.echo);
  const singles = median(found.singles);
  report('the gRPC echo alone: messages on one stream', rate(bare));
  report('appends of one row on one stream', `${rate(singles)} = ${((100 * singles) / bare).toFixed(1)} % of the echo`);
  report('processor time an append', `${median(found.server).toFixed(0)} us here, ${median(found.own).toFixed(0)} us in the writer`);
  report(`rows in batches of ${BATCH}`, rate(median(found.batches)));
}

async function memory(): Promise<void> {
  const append = await writer();
  const show = (after: number): void => {
    const { resident, anonymous } = memoryMb(cloud.pid);
    report(`memory after ${after.toLocaleString('en')} appends`, `${resident.toFixed(0)} MB, ${anonymous.toFixed(0)} of it its own`);
  };
  for (let sent = 0; sent < LONG; sent += 1000) {
    if (sent % (LONG / 4) === 0) {
      show(sent);
    }
    await Promise.all(Array.from({ length: 1000 }, () => append(1)));
  }
  show(LONG);
}

try {
  if (wanted('lone')) {
    await lone();
  }
  if (wanted('many')) {
    await many();
  }
  if (wanted('memory')) {
    await memory();
  }
  const { rows } = await rest('/queries', { query: 'select count(*), count(distinct id) from b.stream', useLegacySql: false });
  const [found, distinct] = rows![0]!.f.map(({ v }) => Number(v));
  if (found !== written || distinct !== written) {
    throw new Error(`${written} rows were acknowledged, ${found} found, ${distinct} of them different`);
  }
} finally {
  client.close();
  echo.close();
  await cloud.end('SIGTERM');
  rmSync(dataDir, { recursive: true, force: true });
}
