/**
 * Pub/Sub through the real client against local-cloud as a process of its own: throughput, latency and memory, beside a bare gRPC echo
 * of the same payload and, when OFFICIAL_PUBSUB_EMULATOR names a running one, Google's emulator, all in one run.
 *
 *   npm run bench -- pubsub        BENCH_ROUNDS=3 (median)  BENCH_MESSAGES=50000
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(new URL('../../apps/local-cloud/package.json', import.meta.url));
const { PubSub } = require('@google-cloud/pubsub') as typeof import('@google-cloud/pubsub');
const grpc = require('@grpc/grpc-js') as typeof import('@grpc/grpc-js');

process.env.METADATA_SERVER_DETECTION = 'none';
const MAIN = fileURLToPath(new URL('../../apps/local-cloud/src/main.ts', import.meta.url));
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const MESSAGES = Number(process.env.BENCH_MESSAGES ?? 50_000);
const BACKLOG = 100_000;
const PAYLOAD = Buffer.alloc(1024, 'x');

interface Target {
  readonly name: string;
  readonly host: string;
  readonly pid: number | null;
}
interface Measured {
  readonly publishedPerSecond: number;
  readonly throughPerSecond: number;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const residentMb = (pid: number): number =>
  existsSync(`/proc/${pid}/status`) ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024 : Number.NaN;

function client(target: Target): InstanceType<typeof PubSub> {
  return new PubSub({ projectId: 'bench-project', apiEndpoint: target.host, emulatorMode: true });
}

/** Publishes with batches of 100, at most 4000 messages in flight; answers messages a second until all are confirmed. */
async function publishAll(topic: ReturnType<InstanceType<typeof PubSub>['topic']>, count: number): Promise<number> {
  const started = performance.now();
  await new Promise<void>((resolve, reject) => {
    let sent = 0;
    let confirmed = 0;
    const more = (): void => {
      for (; sent < count && sent - confirmed < 4000; sent++) {
        topic.publishMessage({ data: PAYLOAD }).then(() => {
          confirmed++;
          if (confirmed === count) {
            resolve();
          } else if (sent - confirmed < 3000) {
            more();
          }
        }, reject);
      }
    };
    more();
  });
  return count / ((performance.now() - started) / 1000);
}

async function throughput(target: Target, round: number): Promise<Measured> {
  const pubsub = client(target);
  const [topic] = await pubsub.createTopic(`bench-${target.name}-${process.pid}-r${round + 1}`);
  const [subscription] = await topic.createSubscription(`bench-${target.name}-${process.pid}-r${round + 1}`, { ackDeadlineSeconds: 60 });
  topic.setPublishOptions({ batching: { maxMessages: 100, maxMilliseconds: 10 } });
  const reader = pubsub.subscription(subscription.name, { flowControl: { maxMessages: 10_000 } });
  let acked = 0;
  const started = performance.now();
  const done = new Promise<void>((resolve, reject) => {
    reader.on('error', reject);
    reader.on('message', (message) => {
      message.ack();
      acked++;
      if (acked === MESSAGES) {
        resolve();
      }
    });
  });
  const publishedPerSecond = await publishAll(topic, MESSAGES);
  await done;
  await reader.close();
  const throughPerSecond = MESSAGES / ((performance.now() - started) / 1000);
  await subscription.delete();
  await topic.delete();
  await pubsub.close();
  return { publishedPerSecond, throughPerSecond };
}

/** Publish-to-receive in milliseconds at a thousand messages a second, each published on its own. */
async function latency(target: Target): Promise<{ p50: number; p99: number }> {
  const pubsub = client(target);
  const [topic] = await pubsub.createTopic(`latency-${target.name}-${process.pid}`);
  const [subscription] = await topic.createSubscription(`latency-${target.name}-${process.pid}`);
  topic.setPublishOptions({ batching: { maxMessages: 1, maxMilliseconds: 0 } });
  const seen: number[] = [];
  subscription.on('message', (message) => {
    seen.push(performance.now() - Number(message.attributes.at));
    message.ack();
  });
  subscription.on('error', () => {});
  await topic.publishMessage({ data: PAYLOAD, attributes: { at: String(performance.now()) } });
  await new Promise((resolve) => setTimeout(resolve, 500));
  seen.length = 0;
  const started = performance.now();
  for (let sent = 0; sent < 5000; ) {
    const due = Math.min(5000, Math.floor(performance.now() - started));
    for (; sent < due; sent++) {
      void topic.publishMessage({ data: PAYLOAD, attributes: { at: String(performance.now()) } });
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await subscription.close();
  await subscription.delete();
  await topic.delete();
  await pubsub.close();
  seen.sort((a, b) => a - b);
  return { p50: seen[seen.length >> 1]!, p99: seen[Math.floor(seen.length * 0.99)]! };
}

/** Resident memory with a backlog of 100 000 messages that nobody reads. */
async function backlog(target: Target): Promise<number> {
  const pubsub = client(target);
  const [topic] = await pubsub.createTopic(`backlog-${target.name}-${process.pid}`);
  const [subscription] = await topic.createSubscription(`backlog-${target.name}-${process.pid}`);
  topic.setPublishOptions({ batching: { maxMessages: 100, maxMilliseconds: 10 } });
  await publishAll(topic, BACKLOG);
  const mb = target.pid === null ? Number.NaN : residentMb(target.pid);
  await subscription.delete();
  await topic.delete();
  await pubsub.close();
  return mb;
}

/** What gRPC itself costs here: a unary echo of 100 KB (one batch of 100 messages) there and back, in messages a second. */
async function echo(): Promise<number> {
  const child = spawn(process.execPath, ['--no-warnings', fileURLToPath(import.meta.url), 'echo-server'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<string>((resolve) => child.stdout!.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())));
  const bare = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const batch = Buffer.alloc(100 * 1060, 'x');
  const call = (): Promise<void> =>
    new Promise((resolve, reject) => {
      bare.makeUnaryRequest(
        '/bench.Echo/Echo',
        (value: Buffer) => value,
        (value: Buffer) => value,
        batch,
        (error) => (error ? reject(error) : resolve()),
      );
    });
  const started = performance.now();
  for (let sent = 0; sent < MESSAGES / 100; sent += 20) {
    await Promise.all(Array.from({ length: 20 }, call));
  }
  const perSecond = MESSAGES / ((performance.now() - started) / 1000);
  bare.close();
  child.kill('SIGKILL');
  return perSecond;
}

function echoServer(): void {
  const server = new grpc.Server();
  const same = (value: Buffer): Buffer => value;
  server.addService(
    {
      Echo: {
        path: '/bench.Echo/Echo',
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    { Echo: (call: { request: Buffer }, callback: (error: null, value: Buffer) => void) => callback(null, call.request) },
  );
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => console.log(String(port)));
}

async function startLocalCloud(dataDir: string): Promise<{ target: Target; child: ChildProcess }> {
  const child = spawn(process.execPath, ['--no-warnings', MAIN], {
    env: { ...process.env, LOCAL_CLOUD_DATA: dataDir, PUBSUB_PORT: '0', BIGQUERY_PORT: '0', BIGQUERY_STORAGE_PORT: '0', KMS_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = await new Promise<string>((resolve) => child.stdout!.once('data', (chunk: Buffer) => resolve(chunk.toString())));
  return { target: { name: 'local-cloud', host: /pubsub=(\S+)/.exec(ready)![1]!, pid: child.pid! }, child };
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'bench-pubsub-'));
  const { target, child } = await startLocalCloud(dataDir);
  const official = process.env.OFFICIAL_PUBSUB_EMULATOR;
  const targets: Target[] = [
    target,
    ...(official ? [{ name: 'official', host: official, pid: Number(process.env.OFFICIAL_PUBSUB_PID) || null }] : []),
  ];
  const rounds = new Map<string, Measured[]>(targets.map(({ name }) => [name, []]));
  const echoes: number[] = [];
  try {
    // The first round warms clients and servers up and does not count.
    for (const each of targets) {
      await throughput(each, -1);
    }
    // Interleaved, so that whatever else the machine does hits all alike.
    for (let round = 0; round < ROUNDS; round++) {
      echoes.push(await echo());
      for (const each of targets) {
        rounds.get(each.name)!.push(await throughput(each, round));
      }
    }
    const bare = median(echoes);
    console.log(`bare gRPC echo           ${bare.toFixed(0)} messages/s (1 KB, 100 a call)`);
    const through = new Map<string, number>();
    for (const each of targets) {
      const results = rounds.get(each.name)!;
      const acked = median(results.map((r) => r.throughPerSecond));
      through.set(each.name, acked);
      console.log(`${each.name.padEnd(12)} published   ${median(results.map((r) => r.publishedPerSecond)).toFixed(0)}/s`);
      console.log(`${each.name.padEnd(12)} through ack ${acked.toFixed(0)}/s = ${((100 * acked) / bare).toFixed(1)} % of the echo`);
    }
    if (official) {
      console.log(`ratio local-cloud : official through ack = ${(through.get('local-cloud')! / through.get('official')!).toFixed(2)}`);
    }
    for (const each of targets) {
      const { p50, p99 } = await latency(each);
      console.log(`${each.name.padEnd(12)} publish-to-receive at 1000/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`);
    }
    const fresh = await startLocalCloud(join(dataDir, 'backlog'));
    const idle = residentMb(fresh.target.pid!);
    for (const each of [fresh.target, ...targets.slice(1)]) {
      const mb = await backlog(each);
      console.log(
        `${each.name.padEnd(12)} resident with ${BACKLOG} messages of backlog  ${mb.toFixed(0)} MB${each === fresh.target ? ` (idle ${idle.toFixed(0)} MB)` : ''}`,
      );
    }
    fresh.child.kill('SIGTERM');
    await new Promise((resolve) => fresh.child.once('exit', resolve));
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(dataDir, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'echo-server') {
  echoServer();
} else {
  await main();
}
