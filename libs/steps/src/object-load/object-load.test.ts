import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { mustHaveOrder } from './csv-header.ts';
import { folderStore } from './folder.ts';
import type { StoredObject } from './objects.ts';
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

  test('of files with the same end of a name the listed one is taken, and none twice', () => {
    expect(manifestFiles('{"files":["export/x/a.csv"]}', 'm', ['a.csv', 'x/a.csv'])).toEqual(['x/a.csv']);
    const two = '{"files":["export/2025-10/a.csv","export/2025-11/a.csv"]}';
    expect(manifestFiles(two, 'm', ['2025-10/a.csv', '2025-11/a.csv'])).toEqual(['2025-10/a.csv', '2025-11/a.csv']);
    expect(() => manifestFiles(two, 'm', ['a.csv'])).toThrow('m lists a.csv twice');
  });

  test('a CSV file in another order than the template is refused: its columns go by their place', async () => {
    const root = await mkdtemp(join(tmpdir(), 'objects-'));
    const path = join(root, 'a.csv');
    const order = async (header: string | Buffer, columns: string[]) => {
      await writeFile(path, header);
      return mustHaveOrder('a.csv', path, columns);
    };
    await order('\uFEFF"Billed Cost",serviceName\r\n1,a,b\n', ['billed_cost', 'service_name']);
    await order('BilledCost,"a, or ""b""\nc",Region\n', ['billed_cost', 'renamed', 'region']);
    await order(',,Region\n', ['a', 'b', 'region']);
    await order('', ['billed_cost']);
    const swapped = {
      code: 'object.columns_order',
      message: expect.stringContaining('region is its column 3, and column 2 of the template'),
    };
    await expect(order('BilledCost,"a, b",Region\n', ['billed_cost', 'region'])).rejects.toMatchObject(swapped);
    await expect(order(gzipSync('BilledCost,Service,Region\n'), ['billed_cost', 'region', 'service'])).rejects.toMatchObject(swapped);
    const broken = Buffer.concat([gzipSync('BilledCost,').subarray(0, 10), Buffer.alloc(40, 0xff)]);
    await expect(order(broken, ['billed_cost'])).rejects.toMatchObject({
      code: 'object.broken',
      message: expect.stringMatching(/^a.csv /),
    });
    await rm(root, { recursive: true });
  });

  test('a listed file that is missing, and a manifest that is none, are failures', () => {
    expect(() => manifestFiles('{"files":["gone.csv"]}', 'm', [])).toThrow('gone.csv is in the manifest but not there');
    expect(() => manifestFiles('{"files":', 'm', [])).toThrow('m is not JSON');
    expect(() => manifestFiles('{}', 'm', [])).toThrow('lists no files');
  });

  test('nothing outside of the opened folder can be named, and a file is read as it was listed', async () => {
    const root = await mkdtemp(join(tmpdir(), 'objects-'));
    await mkdir(join(root, 'in'));
    await writeFile(join(root, 'in/a.csv'), 'x');
    await writeFile(join(root, 'secret'), 'x');
    const signal = new AbortController().signal;
    const store = folderStore(root, 'in');
    expect((await store.list(signal)).map((o) => o.name)).toEqual(['a.csv']);
    const [object] = (await store.list(signal)) as [StoredObject];
    await writeFile(join(root, 'in/a.csv'), 'written anew');
    await expect(store.fetch(object, join(root, 'out'), signal)).rejects.toMatchObject({ code: 'object.changed', transient: true });
    await expect(store.fetch({ name: '../secret', bytes: 1, etag: 'x' }, join(root, 'out'), signal)).rejects.toMatchObject({
      code: 'object.outside',
    });
    expect(() => folderStore(root, '../..')).toThrow('not open');
    await expect(folderStore(root, 'nope').list(signal)).rejects.toMatchObject({ code: 'object.not_found' });
    await rm(root, { recursive: true });
  });
});
