import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import { tokenFor } from './identity/index.ts';
import { type StartedProcess, startProcess } from './started-process.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const FREE = { PUBSUB_PORT: '0', BIGQUERY_PORT: '0', BIGQUERY_STORAGE_PORT: '0', KMS_PORT: '0' };

function run(env: Record<string, string>): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--no-warnings', MAIN], { env: { ...process.env, ...FREE, ...env } });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('exit', (code) => resolve({ code, stderr }));
  });
}

describe('the process', () => {
  let cloud: StartedProcess;
  beforeAll(async () => {
    cloud = await startProcess();
  });
  afterAll(() => cloud.dispose());

  test('a second one on the same data is refused and told which process holds it', async () => {
    const { code, stderr } = await run({ LOCAL_CLOUD_DATA: cloud.dataDir });
    expect(code).toBe(1);
    expect(stderr).toContain(`Another local-cloud (process ${cloud.pid}) is using ${cloud.dataDir}`);
  });

  test('a taken port is named, with the way out', async () => {
    const port = cloud.addresses.pubsub.split(':')[1]!;
    const { code, stderr } = await run({ LOCAL_CLOUD_DATA: `${cloud.dataDir}/second`, PUBSUB_PORT: port });
    expect(code).toBe(1);
    expect(stderr).toContain(port);
    expect(stderr).toContain('PORT_OFFSET=100');
  });

  test('health, stats, limits and clock are answered on the BigQuery port', async () => {
    expect(await cloud.control('GET', '/healthz')).toMatchObject({ status: 'ok' });
    expect(await cloud.control('GET', '/__stats')).toMatchObject({ entries: expect.any(Array), dollars: 0 });
    expect(await cloud.control('PUT', '/__control/limits', { limits: 'on' })).toEqual({ limits: 'on' });
    expect(await cloud.control('PUT', '/__control/clock', { factor: 100 })).toMatchObject({ factor: 100 });
    expect(await cloud.control('PUT', '/__control/faults', { 'no.such': {} })).toMatchObject({
      error: expect.stringContaining('no fault point is called no.such'),
    });
    expect(await cloud.control('GET', '/__control/nothing')).toMatchObject({ error: expect.any(String) });
    await cloud.control('PUT', '/__control/limits', { limits: 'off' });
    await cloud.control('PUT', '/__control/clock', { factor: 1 });
  });

  test('SIGTERM stops it cleanly within seconds, and it starts again on its data', async () => {
    const { code, ms } = await cloud.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(4000);
    await cloud.start();
    expect(await cloud.control('GET', '/healthz')).toMatchObject({ status: 'ok' });
  });
});

describe('products', () => {
  test('what is not wanted does not run, and its port stays free', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'local-cloud-products-'));
    const child = spawn(process.execPath, ['--no-warnings', MAIN], {
      env: { ...process.env, ...FREE, LOCAL_CLOUD_DATA: dataDir, LOCAL_CLOUD_PRODUCTS: 'pubsub' },
    });
    try {
      const line = await new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())));
      expect(line).toMatch(/^ready pubsub=127\.0\.0\.1:\d+ pid=\d+\n$/);
    } finally {
      child.kill();
      await once(child, 'exit');
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  test('an unknown one is refused by name, Cloud Scheduler without Pub/Sub too', () => {
    expect(() => readConfig({ LOCAL_CLOUD_PRODUCTS: 'pubsub,spanner' })).toThrow('spanner is none of pubsub, bigquery, kms');
    const jobs = fileURLToPath(new URL('../../../deploy/scheduler/jobs.yaml', import.meta.url));
    expect(() =>
      readConfig({
        LOCAL_CLOUD_PRODUCTS: 'kms',
        LOCAL_CLOUD_SCHEDULER_JOBS: jobs,
        GATEWAY_URL: 'http://127.0.0.1:8080',
        ADMIN_API_KEY: 'a-key',
        GCP_PROJECT_ID: 'p',
      }),
    ).toThrow('needs pubsub among LOCAL_CLOUD_PRODUCTS');
  });
});

describe('strict identity', () => {
  test('a gRPC caller needs a token signed with the key file, a forged one is refused anywhere', async () => {
    const call = (address: string, token?: string): Promise<number> =>
      new Promise((resolve) => {
        const client = new grpc.Client(address, grpc.credentials.createInsecure());
        const metadata = new grpc.Metadata();
        if (token !== undefined) {
          metadata.set('authorization', `Bearer ${token}`);
        }
        const none = (bytes: Buffer): Buffer => bytes;
        client.makeUnaryRequest('/google.pubsub.v1.Publisher/GetTopic', none, none, Buffer.alloc(0), metadata, (error) => {
          client.close();
          resolve(error?.code ?? 0);
        });
      });
    const strict = await startProcess({ LOCAL_CLOUD_AUTH: 'strict' });
    const open = await startProcess();
    try {
      const token = await tokenFor('someone', { dataDir: strict.dataDir });
      expect(await call(strict.addresses.pubsub)).toBe(grpc.status.UNAUTHENTICATED);
      expect(await call(strict.addresses.pubsub, token)).toBe(grpc.status.INVALID_ARGUMENT);
      expect(await call(open.addresses.pubsub)).toBe(grpc.status.INVALID_ARGUMENT);
      expect(await call(open.addresses.pubsub, token)).toBe(grpc.status.UNAUTHENTICATED);
    } finally {
      await strict.dispose();
      await open.dispose();
    }
  });
});

describe('the environment', () => {
  test('defaults are the documented ports, and PORT_OFFSET moves them all', () => {
    expect(readConfig({}).ports).toEqual({ pubsub: 8085, bigquery: 9050, storage: 9060, kms: 9070 });
    expect(readConfig({ PORT_OFFSET: '100' }).ports).toEqual({ pubsub: 8185, bigquery: 9150, storage: 9160, kms: 9170 });
  });

  test('every bad variable is named in one message', () => {
    expect(() => readConfig({ PORT_OFFSET: 'x', LOCAL_CLOUD_LIMITS: 'maybe', LOCAL_CLOUD_FAULTS: 'q', KMS_PORT: '99999' })).toThrow(
      /PORT_OFFSET=x[\s\S]*KMS_PORT=99999[\s\S]*LOCAL_CLOUD_LIMITS=maybe[\s\S]*LOCAL_CLOUD_FAULTS=q/,
    );
  });
});
