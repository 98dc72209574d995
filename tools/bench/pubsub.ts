/**
 * Pub/Sub through the real client against local-cloud as a process of its own: throughput, latency and memory, beside a bare gRPC echo
 * of the same payload and, when OFFICIAL_PUBSUB_EMULATOR names a running one (and OFFICIAL_PUBSUB_PID its process), Google's emulator,
 * all in one run.
 *
 *   npm run bench -- pubsub [throughput] [latency] [backlog]     BENCH_ROUNDS=5 (median)  BENCH_MESSAGES=50000
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEcho } from './load/grpc-echo.ts';
import { cpuSeconds, median, memoryMb, quantiles, runCloud } from './load/process-watch.ts';

const require = createRequire(new URL('../../apps/local-cloud/package.json', import.meta.url));
const { PubSub } = require('@google-cloud/pubsub') as typeof import('@google-cloud/pubsub');

process.env.METADATA_SERVER_DETECTION = 'none';
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const MESSAGES = Number(process.env.BENCH_MESSAGES ?? 50_000);
const BACKLOG = 100_000;
const RATE_SECONDS = 5;
const PAYLOAD = Buffer.alloc(1024, 'x');
const sections = process.argv.slice(2);
const wanted = (section: string): boolean => sections.length === 0 || sections.includes(section);

interface Target {
  readonly name: string;
  readonly host: string;
  readonly pid: number | null;
}
interface Measured {
  readonly published: number;
  readonly through: number;
  /** Processor time a message, in microseconds: steady where the rate is at the mercy of whatever else runs. */
  readonly serverMicros: number;
  readonly clientMicros: number;
}

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
  const name = `bench-${target.name}-${process.pid}-r${round + 1}`;
  const [topic] = await pubsub.createTopic(name);
  const [subscription] = await topic.createSubscription(name, { ackDeadlineSeconds: 60 });
  topic.setPublishOptions({ batching: { maxMessages: 100, maxMilliseconds: 10 } });
  const reader = pubsub.subscription(subscription.name, { flowControl: { maxMessages: 10_000 } });
  let acked = 0;
  const used = (): number => (target.pid === null ? Number.NaN : cpuSeconds(target.pid));
  const server = used();
  const own = process.cpuUsage();
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
  const published = await publishAll(topic, MESSAGES);
  await done;
  await reader.close();
  const through = MESSAGES / ((performance.now() - started) / 1000);
  const { user, system } = process.cpuUsage(own);
  const serverMicros = ((used() - server) * 1e6) / MESSAGES;
  await subscription.delete();
  await topic.delete();
  await pubsub.close();
  return { published, through, serverMicros, clientMicros: (user + system) / MESSAGES };
}

/** Calls `send` a thousand times a second. */
async function atAThousandASecond(send: () => void): Promise<void> {
  const started = performance.now();
  for (let sent = 0; sent < RATE_SECONDS * 1000; ) {
    const due = Math.min(RATE_SECONDS * 1000, Math.floor(performance.now() - started));
    for (; sent < due; sent++) {
      send();
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
}

/** Publish-to-receive in milliseconds at a thousand messages a second, each published on its own. */
async function latency(target: Target, round: number): Promise<{ p50: number; p99: number }> {
  const pubsub = client(target);
  const name = `latency-${target.name}-${process.pid}-${round}`;
  const [topic] = await pubsub.createTopic(name);
  const [subscription] = await topic.createSubscription(name);
  topic.setPublishOptions({ batching: { maxMessages: 1, maxMilliseconds: 0 } });
  const seen: number[] = [];
  subscription.on('message', (message) => {
    seen.push(performance.now() - Number(message.attributes.at));
    message.ack();
  });
  subscription.on('error', () => {});
  const publish = () => topic.publishMessage({ data: PAYLOAD, attributes: { at: String(performance.now()) } });
  await publish();
  await new Promise((resolve) => setTimeout(resolve, 500));
  seen.length = 0;
  await atAThousandASecond(() => void publish());
  await subscription.close();
  await subscription.delete();
  await topic.delete();
  await pubsub.close();
  return quantiles(seen);
}

/** Memory with messages that nobody reads, a part at a time: what the last parts add is the backlog's own, the rest was there before. */
async function backlog(target: Target): Promise<void> {
  const pubsub = client(target);
  const [topic] = await pubsub.createTopic(`backlog-${process.pid}`);
  const [subscription] = await topic.createSubscription(`backlog-${process.pid}`);
  topic.setPublishOptions({ batching: { maxMessages: 100, maxMilliseconds: 10 } });
  for (const total of [BACKLOG / 2, BACKLOG, 2 * BACKLOG]) {
    await publishAll(topic, total === 2 * BACKLOG ? BACKLOG : BACKLOG / 2);
    if (target.pid !== null) {
      report(target.name, `${total} messages of backlog`, memoryText(target.pid));
    }
  }
  await subscription.delete();
  await topic.delete();
  await pubsub.close();
}

function memoryText(pid: number): string {
  const { resident, anonymous } = memoryMb(pid);
  return `resident ${resident.toFixed(0)} MB: ${anonymous.toFixed(0)} its own, ${(resident - anonymous).toFixed(0)} mapped files`;
}
function report(who: string, what: string, value: string): void {
  console.log(`${who.padEnd(14)} ${what.padEnd(34)} ${value}`);
}

async function measureThroughput(targets: readonly Target[]): Promise<void> {
  const rounds = new Map<string, Measured[]>(targets.map(({ name }) => [name, []]));
  const echo = await startEcho();
  const batch = Buffer.alloc(100 * 1060, 'x');
  const echoes: number[] = [];
  // The first round warms clients and servers up and does not count. The others are interleaved, so that whatever else the machine
  // does hits all alike.
  for (let round = -1; round < ROUNDS; round++) {
    const started = performance.now();
    for (let sent = 0; sent < MESSAGES / 100; sent += 20) {
      await Promise.all(Array.from({ length: 20 }, () => echo.call(batch)));
    }
    echoes[round + 1] = MESSAGES / ((performance.now() - started) / 1000);
    for (const each of targets) {
      rounds.get(each.name)![round + 1] = await throughput(each, round);
    }
  }
  echo.close();
  const bare = median(echoes.slice(1));
  report('gRPC echo', '1 KB, 100 a call', `${bare.toFixed(0)}/s`);
  const through = new Map<string, number>();
  for (const each of targets) {
    const results = rounds.get(each.name)!.slice(1);
    const of = (key: keyof Measured): number => median(results.map((result) => result[key]));
    through.set(each.name, of('through'));
    report(each.name, 'published', `${of('published').toFixed(0)}/s`);
    report(
      each.name,
      'published, received, acked',
      `${of('through').toFixed(0)}/s = ${((100 * of('through')) / bare).toFixed(1)} % of the echo`,
    );
    report(
      each.name,
      'processor time a message',
      `${of('serverMicros').toFixed(0)} us here, ${of('clientMicros').toFixed(0)} us in the client`,
    );
  }
  if (through.has('official')) {
    report('', 'local-cloud : official, acked', (through.get('local-cloud')! / through.get('official')!).toFixed(2));
  }
}

async function measureLatency(targets: readonly Target[]): Promise<void> {
  const text = ({ p50, p99 }: { p50: number; p99: number }): string => `p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`;
  const echo = await startEcho();
  const found = new Map<string, { p50: number; p99: number }[]>();
  for (let round = 0; round < Math.min(ROUNDS, 3); round++) {
    const seen: number[] = [];
    await atAThousandASecond(() => {
      const began = performance.now();
      void echo.call(PAYLOAD).then(() => seen.push(performance.now() - began));
    });
    found.set('gRPC echo', [...(found.get('gRPC echo') ?? []), quantiles(seen)]);
    for (const each of targets) {
      found.set(each.name, [...(found.get(each.name) ?? []), await latency(each, round)]);
    }
  }
  echo.close();
  for (const [name, rounds] of found) {
    const of = (key: 'p50' | 'p99'): number => median(rounds.map((round) => round[key]));
    report(name, name === 'gRPC echo' ? 'a call at 1000/s' : 'publish to receive at 1000/s', text({ p50: of('p50'), p99: of('p99') }));
  }
}

const dataDir = mkdtempSync(join(tmpdir(), 'bench-pubsub-'));
const cloud = await runCloud(dataDir);
const official = process.env.OFFICIAL_PUBSUB_EMULATOR;
const others: Target[] = official ? [{ name: 'official', host: official, pid: Number(process.env.OFFICIAL_PUBSUB_PID) || null }] : [];
const targets: Target[] = [{ name: 'local-cloud', host: cloud.addresses.pubsub, pid: cloud.pid }, ...others];
try {
  if (wanted('throughput')) {
    await measureThroughput(targets);
  }
  if (wanted('latency')) {
    await measureLatency(targets);
  }
  if (wanted('backlog')) {
    const alone = await runCloud(join(dataDir, 'alone'), { LOCAL_CLOUD_PRODUCTS: 'pubsub' });
    const whole = await runCloud(join(dataDir, 'whole'));
    const own: Target[] = [
      { name: 'Pub/Sub alone', host: alone.addresses.pubsub, pid: alone.pid },
      { name: 'local-cloud', host: whole.addresses.pubsub, pid: whole.pid },
    ];
    for (const { name, pid } of own) report(name, 'idle', memoryText(pid!));
    for (const each of [...own, ...others]) await backlog(each);
    await Promise.all([alone.end('SIGTERM'), whole.end('SIGTERM')]);
  }
} finally {
  await cloud.end('SIGTERM');
  rmSync(dataDir, { recursive: true, force: true });
}
