/**
 * Fifty times kill -9 under load. What Publish confirmed must arrive; what an Acknowledge call confirmed must not come again.
 * Publisher and acker are bare RPCs without retries, so that "confirmed" is exactly what the server said.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';
import { connect, pause, type Target } from './behaviour/targets.ts';

const KILLS = 50;
const NO_RETRY = { timeout: 3000, retry: null } as object;

describe('kill -9 under load', () => {
  let cloud: StartedProcess;
  let target: Target;
  beforeAll(async () => {
    cloud = await startProcess();
    // Leaves its compiled code behind, which a killed one cannot.
    await cloud.stop();
    await cloud.start();
    target = connect(cloud.addresses.pubsub, cloud);
  });
  afterAll(async () => {
    await target.publisher.close();
    await target.subscriber.close();
    await cloud.dispose();
  });

  test('nothing confirmed is lost and nothing acked comes again', async () => {
    const topic = target.path('topics', 'durable');
    const subscription = target.path('subscriptions', 'durable');
    await target.publisher.createTopic({ name: topic });
    await target.subscriber.createSubscription({ name: subscription, topic, ackDeadlineSeconds: 600 });

    const confirmed = new Set<string>();
    const received = new Map<string, number>();
    const acked = new Set<string>();
    const again: string[] = [];
    let sent = 0;
    let running = true;
    let up = true;

    const publisher = async (): Promise<void> => {
      while (running) {
        if (!up) {
          await pause(5);
          continue;
        }
        const names = Array.from({ length: 20 }, () => `m${sent++}`);
        const messages = names.map((name) => ({ data: Buffer.from(name) }));
        await target.publisher.publish({ topic, messages }, NO_RETRY).then(
          () => {
            for (const name of names) {
              confirmed.add(name);
            }
          },
          () => {},
        );
      }
    };
    const consume = async (maxMessages: number): Promise<number> => {
      const [response] = await target.subscriber.pull({ subscription, maxMessages, returnImmediately: true }, NO_RETRY);
      const batch = (response.receivedMessages ?? []).map((m) => ({
        id: m.ackId!,
        name: Buffer.from(m.message!.data as Uint8Array).toString(),
      }));
      for (const { name } of batch) {
        received.set(name, (received.get(name) ?? 0) + 1);
        if (acked.has(name)) {
          again.push(name);
        }
      }
      // A part is left unacked, so that restarts have something to redeliver.
      const toAck = running ? batch.filter((_, i) => i % 5 !== 0) : batch;
      if (toAck.length > 0) {
        await target.subscriber.acknowledge({ subscription, ackIds: toAck.map((m) => m.id) }, NO_RETRY);
        for (const { name } of toAck) {
          acked.add(name);
        }
      }
      return batch.length;
    };
    const consumer = async (): Promise<void> => {
      while (running) {
        if (!up || (await consume(200).catch(() => 0)) === 0) {
          await pause(5);
        }
      }
    };

    let worked = 0;
    const workers = [publisher(), publisher(), consumer(), consumer()];
    for (let kill = 0; kill < KILLS; kill++) {
      const confirmedBefore = confirmed.size;
      await pause(20 + Math.random() * 120);
      up = false;
      worked += confirmed.size > confirmedBefore ? 1 : 0;
      await cloud.kill();
      await cloud.start();
      up = true;
    }
    running = false;
    await Promise.all(workers);
    // Leases of the last life are gone with it after one more restart: everything left must come now.
    await cloud.kill();
    await cloud.start();
    for (let empty = 0; empty < 3; ) {
      empty = (await consume(1000).catch(() => -1)) === 0 ? empty + 1 : 0;
    }
    const lost = [...confirmed].filter((name) => !received.has(name));
    const strangers = [...received.keys()].filter((name) => Number(name.slice(1)) >= sent);
    // A kill that finds nobody at work proves nothing.
    expect(worked).toBeGreaterThan(KILLS / 2);
    expect({ lost, again, strangers }).toEqual({ lost: [], again: [], strangers: [] });
    const redelivered = [...received].filter(([, times]) => times > 1).map(([name]) => name);
    expect(redelivered.length).toBeGreaterThan(0);
  }, 300_000);
});
