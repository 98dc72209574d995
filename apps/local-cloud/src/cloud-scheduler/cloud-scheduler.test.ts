import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { startScheduler } from './index.ts';
import { BadJobs, parseJobs, readJobs } from './jobs.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

describe('a file of jobs', () => {
  const file = (job: string) => `jobs:\n  - name: tick\n    schedule: "*/5 * * * *"\n${job}`;
  test('fills in the environment', () => {
    const [job] = parseJobs(file('    pubsubTarget: { topicName: "projects/${P}/topics/t", data: "{}", attributes: { a: b } }\n'), {
      P: 'mine',
    });
    expect(job?.target).toEqual({ kind: 'pubsub', topic: 'projects/mine/topics/t', attributes: { a: 'b' }, data: Buffer.from('{}') });
  });
  test.each([
    ['an environment that lacks a value', file('    httpTarget: { uri: "${NOWHERE}/x" }\n'), 'NOWHERE'],
    ['a job without a target', file(''), 'takes one of'],
    ['a schedule that is none', 'jobs: [{ name: a, schedule: "61 * * * *", httpTarget: { uri: "http://x" } }]', 'schedule "61'],
  ])('refuses %s', (_, text, words) => {
    expect(() => parseJobs(text, {})).toThrow(BadJobs);
    expect(() => parseJobs(text, {})).toThrow(words);
  });
});

test('each job reaches its target at its time: a topic, or a URL with the headers that Google sends', async () => {
  const published: unknown[] = [];
  const requests: { url: string | undefined; key: unknown; time: unknown }[] = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url, key: request.headers['x-admin-key'], time: request.headers['x-cloudscheduler-scheduletime'] });
    response.end('{}');
  }).listen(0);
  closing.push(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const jobs = parseJobs(
    `jobs:
  - { name: a, schedule: "* * * * * *", pubsubTarget: { topicName: t, data: hello, attributes: { x: y } } }
  - { name: b, schedule: "* * * * * *", httpTarget: { uri: "http://127.0.0.1:${port}/tick", headers: { X-Admin-Key: k } } }`,
    {},
  );
  const errors: unknown[] = [];
  const scheduler = startScheduler({
    jobs,
    publish: async (topic, data, attributes) => void published.push({ topic, data: data.toString(), attributes }),
    log: (message, error) => errors.push(message, error),
  });
  closing.push(() => scheduler.close());
  while (published.length === 0 || requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(published[0]).toEqual({ topic: 't', data: 'hello', attributes: { x: 'y' } });
  expect(requests[0]).toEqual({ url: '/tick', key: 'k', time: expect.stringMatching(/^\d{4}-.*\.000Z$/) });
  expect(errors).toEqual([]);
});

test('the jobs of the deployment can be played, and name topics and paths that there are', () => {
  const file = fileURLToPath(new URL('../../../../deploy/scheduler/jobs.yaml', import.meta.url));
  const jobs = readJobs(file, { GCP_PROJECT_ID: 'p', GATEWAY_URL: 'http://gateway', ADMIN_API_KEY: 'k' });
  expect(jobs.map(({ name, target }) => [name, target.kind === 'pubsub' ? target.topic : target.uri])).toEqual([
    ['schedule-tick', 'projects/p/topics/schedule-tick'],
    ['queue-tick', 'projects/p/topics/queue-tick'],
    ['orphan-sweep', 'projects/p/topics/orphan-sweep'],
    ['quota-reset', 'http://gateway/api/v1/scheduler/reset-daily-quotas'],
    ['process-queue', 'http://gateway/api/v1/scheduler/process-queue'],
  ]);
});
