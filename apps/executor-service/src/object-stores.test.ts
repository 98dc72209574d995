import { expect, test } from '@jest/globals';
import { objectStores } from './object-stores.ts';

const open = objectStores('/nowhere');
const noCredential = () => Promise.reject(new Error('nobody asks for one'));

test.each([
  ['gs://bucket/export', /external table/],
  ['s3://bucket/export', /Copy the export/],
  ['azure://account/container/export', /Copy the export/],
  ['ftp://host/export', /reads file: folders\.$/],
])('%s is refused with another way to read it', async (uri, way) => {
  await expect(open(uri, noCredential)).rejects.toMatchObject({
    code: 'object.scheme',
    errorClass: 'schema',
    hint: expect.stringMatching(way),
  });
});
