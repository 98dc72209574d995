import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transient } from '@convergence/contracts';
import { type BucketServer, startBucketServer } from '@convergence/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BucketRefused, googleBucket } from './google-bucket.ts';

const { signal } = new AbortController();
let server: BucketServer;
beforeEach(async () => {
  server = await startBucketServer('exports');
});
afterEach(() => server.close());
const noAccount = () => Promise.reject(new Error('nobody asks for one'));
const local = () => googleBucket({ bucket: 'exports', account: noAccount, endpoint: `http://${server.host}` });

describe('a bucket of Cloud Storage', () => {
  test('is listed over all pages and saved byte by byte; on this machine it is shown no key', async () => {
    for (const name of ['a/1.csv', 'a/2 ü&?#.csv', 'a/3.csv', 'a/b/4.csv', 'a/5.csv', 'c.csv']) server.objects.set(name, `of ${name}`);
    expect((await local().list('a/', signal)).map(({ name }) => name)).toEqual([
      'a/1.csv',
      'a/2 ü&?#.csv',
      'a/3.csv',
      'a/5.csv',
      'a/b/4.csv',
    ]);
    const folder = await mkdtemp(join(tmpdir(), 'bucket-'));
    await local().save('a/2 ü&?#.csv', join(folder, 'x'), signal);
    expect(await readFile(join(folder, 'x'), 'utf8')).toBe('of a/2 ü&?#.csv');
    await rm(folder, { recursive: true });
    expect(server.asked.some(({ headers }) => headers.authorization)).toBe(false);
  });

  test.each([400, 401, 403, 404])('%d is a refusal, which says which', async (status) => {
    server.status = status;
    await expect(local().list('', signal)).rejects.toMatchObject({ name: 'BucketRefused', status });
  });

  test.each([429, 500, 503])('%d may pass by itself', async (status) => {
    server.status = status;
    await expect(local().list('', signal)).rejects.toBeInstanceOf(Transient);
  });

  test('so may a connection that can not be made', async () => {
    const nobody = googleBucket({ bucket: 'exports', account: noAccount, endpoint: 'http://127.0.0.1:9' });
    await expect(nobody.list('', signal)).rejects.toBeInstanceOf(Transient);
  });

  test('a key that is none is refused before anything is sent', async () => {
    const account = async () => ({ client_email: 'a@b.iam.gserviceaccount.com', private_key: 'no key' });
    await expect(googleBucket({ bucket: 'exports', account }).list('', signal)).rejects.toBeInstanceOf(BucketRefused);
  });
});
