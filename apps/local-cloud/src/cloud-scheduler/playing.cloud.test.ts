import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PubSub } from '@google-cloud/pubsub';
import { afterAll, expect, test } from '@jest/globals';
import { startProcess } from '../started-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'jobs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const jobs = (text: string): string => {
  const file = join(folder, 'jobs.yaml');
  writeFileSync(file, text);
  return file;
};

test('a job reaches the subscribers of its topic', async () => {
  const file = jobs(`jobs:
  - { name: tick, schedule: "* * * * * *", pubsubTarget: { topicName: projects/scheduled/topics/ticks, data: "{}", attributes: { ce-id: x } } }`);
  const cloud = await startProcess({ LOCAL_CLOUD_SCHEDULER_JOBS: file });
  const pubsub = new PubSub({ projectId: 'scheduled', apiEndpoint: cloud.addresses.pubsub, emulatorMode: true });
  try {
    const [topic] = await pubsub.createTopic('ticks');
    const [subscription] = await topic.createSubscription('all');
    const message = await new Promise<{ data: Buffer; attributes: object }>((resolve) => subscription.once('message', resolve));
    expect({ data: message.data.toString(), attributes: message.attributes }).toEqual({ data: '{}', attributes: { 'ce-id': 'x' } });
    await subscription.close();
  } finally {
    await pubsub.close();
    await cloud.dispose();
  }
}, 30_000);

test('a file that is wrong stops the start with every reason', async () => {
  const file = jobs('jobs: [{ name: a, schedule: "61 * * * *" }]');
  await expect(startProcess({ LOCAL_CLOUD_SCHEDULER_JOBS: file })).rejects.toThrow(/schedule "61[\s\S]*takes one of/);
}, 30_000);
