import { type BucketServer, startBucketServer } from '@convergence/testing';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { objectStores } from './object-stores.ts';

let server: BucketServer;
beforeEach(async () => {
  server = await startBucketServer('exports');
});
afterEach(() => server.close());
const { signal } = new AbortController();
const noCredential = () => Promise.reject(new Error('nobody asks for one'));
const open = (uri: string) => objectStores({ objectsDir: '/nowhere', storageEndpoint: `http://${server.host}` })(uri, noCredential);

test.each([
  ['s3://bucket/export', /Copy the export/],
  ['azure://account/container/export', /Copy the export/],
  ['ftp://host/export', /reads gs:\/\/bucket\/folder and file: folders\.$/],
  ['gs://No Bucket/export', /reads gs/],
])('%s is refused with another way to read it', async (uri, way) => {
  await expect(open(uri)).rejects.toMatchObject({ code: 'object.scheme', errorClass: 'schema', hint: expect.stringMatching(way) });
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
  await expect(store.fetch('gone.csv', '/nowhere/x', signal)).rejects.toMatchObject({ code: 'object.not_found', transient: true });
});
