import { type BucketServer, startBucketServer, virtualClock } from '@convergence/testing';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { objectStores } from './object-stores.ts';

let server: BucketServer;
beforeEach(async () => {
  server = await startBucketServer('exports');
});
afterEach(() => server.close());
const { signal } = new AbortController();
const unasked = async () => Promise.reject(new Error('nobody is asked'));
const open = (uri: string) =>
  objectStores({
    objectsDir: '/nowhere',
    fetch: unasked,
    clock: virtualClock(),
    platformKeys: undefined,
    endpoints: { google: `http://${server.host}` },
  })(uri, { tenantId: 'acme_corp', credential: unasked });

test.each([
  'ftp://host/export',
  'gs://No Bucket/export',
  's3://bucket@host.example/export',
  's3://host.example:443/export',
  's3://host.example%2f/export',
  's3://Bucket/export',
  's3:///export',
  'azure://account/',
  'azure://host.example/container/export',
  'azure://account/container?x/export',
  'azure://account#/container/export',
])('%s names nothing that is read: a host least of all', async (uri) => {
  await expect(open(uri)).rejects.toMatchObject({
    code: 'object.scheme',
    errorClass: 'schema',
    hint: expect.stringContaining('s3://bucket/folder'),
  });
});

test('a folder of a bucket shows what lies below it, without what stands for folders or begins alike', async () => {
  for (const name of ['costs/', 'costs/b/', 'costs/b/2.csv', 'costs/a.csv', 'costs_of_others/x.csv']) server.objects.set(name, 'x');
  for (const uri of ['gs://exports/costs', 'gs://exports/costs/', 'gs://exports//costs'])
    expect((await (await open(uri)).list(signal)).map(({ name }) => name)).toEqual(['a.csv', 'b/2.csv']);
});

test.each([
  [401, { errorClass: 'credential', transient: false }],
  [403, { errorClass: 'permission', hint: 'Grant it roles/storage.objectViewer on exports.', transient: false }],
  [404, { errorClass: 'source_not_ready', message: 'There is no bucket exports.', transient: false }],
])('%d of Cloud Storage is said in words for who can do something about it', async (status, failure) => {
  server.status = status;
  await expect((await open('gs://exports/costs')).list(signal)).rejects.toMatchObject(failure);
});

test('an object that is gone between the list and the fetch may come back', async () => {
  const store = await open('gs://exports/costs');
  await expect(store.fetch({ name: 'gone.csv', bytes: 1, etag: 'e' }, '/nowhere/x', signal)).rejects.toMatchObject({
    code: 'object.not_found',
    transient: true,
  });
});
