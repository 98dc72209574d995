import { MOST_LISTED, type StoredObject } from '@convergence/steps';
import { type BucketServer, startBucketServer, virtualClock } from '@convergence/testing';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { belowFolder } from './below-folder.ts';
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

test('an object that changed since it was listed is not read, and may be right the next time', async () => {
  server.objects.set('costs/a.csv', 'cost\n1\n');
  const store = await open('gs://exports/costs');
  const [object] = (await store.list(signal)) as [StoredObject];
  server.objects.set('costs/a.csv', 'cost\n2\n');
  await expect(store.fetch(object, '/nowhere/x', signal)).rejects.toMatchObject({ code: 'object.changed', transient: true });
});

test('a list that has no end is given up when it is too long, page by page', async () => {
  let listed = 0;
  const endless = {
    async *list() {
      for (;;) yield Array.from({ length: 1000 }, () => ({ name: `costs/${listed++}`, bytes: 1, etag: 'e' }));
    },
    save: unasked,
  };
  await expect(belowFolder(endless, ['costs']).list(signal)).rejects.toMatchObject({
    code: 'object.too_many',
    message: 'More than 100000 objects lie below costs/.',
    hint: expect.stringContaining('narrower folder'),
  });
  expect(listed).toBeLessThanOrEqual(MOST_LISTED + 1000);
});
