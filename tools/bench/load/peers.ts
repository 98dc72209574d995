/**
 * What others need for as many jobs as the bench of runs has: BullMQ on Redis and graphile-worker on Postgres, where these answer. Both
 * packages are installed into a folder that goes away again; nothing of ours depends on them.
 *
 * A job is added by itself and does nothing; one process adds and works off.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './process-watch.ts';

const REDIS = process.env.BENCH_REDIS_URL ?? 'redis://127.0.0.1:6379';
const POSTGRES = process.env.BENCH_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const NAME = 'convergence_bench';
const ROUNDS = 3;

interface Peer {
  add(): Promise<unknown>;
  close(): Promise<void>;
}
/** Calls `ended` for each job that was worked off. */
type Start = (load: NodeJS.Require, underWay: number, ended: () => void) => Promise<Peer>;
// biome-ignore lint/suspicious/noExplicitAny: their types are not installed here.
type Package = any;

const bullmq: Start = async (load, concurrency, ended) => {
  const { Queue, Worker } = load('bullmq') as Package;
  const connection = { url: REDIS, maxRetriesPerRequest: null };
  const queue = new Queue(NAME, { connection });
  const worker = new Worker(NAME, async () => undefined, { connection, concurrency });
  worker.on('completed', ended);
  await worker.waitUntilReady();
  return {
    add: () => queue.add('nothing', {}),
    close: async () => {
      await worker.close();
      await queue.obliterate({ force: true });
      await queue.close();
    },
  };
};

const graphileWorker: Start = async (load, concurrency, ended) => {
  const { run, Logger } = load('graphile-worker') as Package;
  const runner = await run({
    connectionString: POSTGRES,
    schema: NAME,
    concurrency,
    maxPoolSize: concurrency,
    noHandleSignals: true,
    logger: new Logger(() => () => undefined),
    taskList: { nothing: async () => undefined },
  });
  runner.events.on('job:complete', ended);
  return {
    add: () => runner.addJob('nothing', {}),
    close: async () => {
      await runner.stop();
      const { Client } = load('pg') as Package;
      const client = new Client({ connectionString: POSTGRES });
      await client.connect();
      await client.query(`DROP SCHEMA ${NAME} CASCADE`);
      await client.end();
    },
  };
};

const PEERS: readonly { name: string; url: string; packages: readonly string[]; start: Start }[] = [
  { name: 'BullMQ on Redis', url: REDIS, packages: ['bullmq@6', 'ioredis@5'], start: bullmq },
  { name: 'graphile-worker on Postgres', url: POSTGRES, packages: ['graphile-worker@0.17'], start: graphileWorker },
];

export async function measurePeers(jobs: number, underWay: number, ours: number | undefined): Promise<void> {
  console.log(
    `\n${jobs} jobs that do nothing, through peers: no door, no key, no quota, no fairness between tenants, no step, and no log or table of it`,
  );
  const folder = mkdtempSync(join(tmpdir(), 'bench-peers-'));
  try {
    for (const peer of PEERS) {
      if (!(await answers(new URL(peer.url)))) {
        console.log(`${peer.name}: nothing answers at ${peer.url}`);
        continue;
      }
      execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', folder, ...peer.packages], { stdio: 'inherit' });
      const load = createRequire(join(folder, 'peers.cjs'));
      const rates: number[] = [];
      for (let n = 0; n < ROUNDS; n++) rates.push(await jobsPerSecond(peer.start, load, jobs, underWay));
      const rate = median(rates);
      const beside = ours === undefined ? '' : `, ${(rate / ours).toFixed(1)} for each of our runs`;
      console.log(`${peer.name}: ${rate.toFixed(0)} jobs a second${beside}; rounds ${rates.map((one) => one.toFixed(0)).join(', ')}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function jobsPerSecond(start: Start, load: NodeJS.Require, jobs: number, underWay: number): Promise<number> {
  let expected = jobs;
  let all = () => {};
  const peer = await start(load, underWay, () => --expected === 0 && all());
  try {
    const ended = new Promise<void>((resolve) => {
      all = resolve;
    });
    const began = performance.now();
    let next = 0;
    const adding = async () => {
      while (next++ < jobs) await peer.add();
    };
    await Promise.all(Array.from({ length: underWay }, adding));
    await ended;
    return (jobs * 1000) / (performance.now() - began);
  } finally {
    await peer.close();
  }
}

function answers({ hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    const say = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => say(true));
    socket.once('error', () => say(false));
  });
}
