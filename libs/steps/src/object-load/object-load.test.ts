import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { folderStore } from './folder.ts';
import { manifestFiles } from './step.ts';

describe('object.load', () => {
  test('reads manifests of AWS, of Azure and plain ones, by the names below the prefix', () => {
    const listed = ['a/part-1.csv', 'part-2.csv', 'old.csv'];
    expect(manifestFiles('{"dataFiles":["s3://b/p/a/part-1.csv","s3://b/p/part-2.csv"]}', 'm', listed)).toEqual([
      'a/part-1.csv',
      'part-2.csv',
    ]);
    expect(manifestFiles('{"blobs":[{"blobName":"costs/part-2.csv"}]}', 'm', listed)).toEqual(['part-2.csv']);
    expect(manifestFiles('{"files":["part-2.csv"]}', 'm', listed)).toEqual(['part-2.csv']);
  });

  test('a listed file that is missing, and a manifest that is none, are failures', () => {
    expect(() => manifestFiles('{"files":["gone.csv"]}', 'm', [])).toThrow('gone.csv is in the manifest but not there');
    expect(() => manifestFiles('{"files":', 'm', [])).toThrow('m is not JSON');
    expect(() => manifestFiles('{}', 'm', [])).toThrow('lists no files');
  });

  test('nothing outside of the opened folder can be named', async () => {
    const root = await mkdtemp(join(tmpdir(), 'objects-'));
    await mkdir(join(root, 'in'));
    await writeFile(join(root, 'in/a.csv'), 'x');
    await writeFile(join(root, 'secret'), 'x');
    const signal = new AbortController().signal;
    const store = folderStore(root, 'in');
    expect((await store.list(signal)).map((o) => o.name)).toEqual(['a.csv']);
    await expect(store.fetch('../secret', join(root, 'out'), signal)).rejects.toMatchObject({ code: 'object.outside' });
    expect(() => folderStore(root, '../..')).toThrow('not open');
    await expect(folderStore(root, 'nope').list(signal)).rejects.toMatchObject({ code: 'object.not_found' });
    await rm(root, { recursive: true });
  });
});
