import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Database } from './database.ts';

let dir: string;
let database: Database;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'database-'));
  const options = { memoryLimit: '60MB', wideMemoryLimit: '400MB', threads: 2, connections: 3, temp: join(dir, 'spill') };
  database = await Database.open(join(dir, 'data.duckdb'), options);
});
afterEach(() => {
  database.close();
  rmSync(dir, { recursive: true, force: true });
});

const share = () =>
  database.use((connection) => connection.rows("SELECT current_setting('threads'), memory_limit FROM pragma_database_size()"));
const narrow = [[1n, '57.2 MiB']];
const broad = [[2n, '381.4 MiB']];

test('gives wide work threads and memory until the last of it has ended', async () => {
  expect(await share()).toEqual(narrow);
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const long = database.wide(() => ended);
  expect(await database.wide(share)).toEqual(broad);
  expect(await share()).toEqual(broad);
  end();
  await long;
  expect(await share()).toEqual(narrow);
});

test('takes memory that is still in use back when it is free, and fails nobody', async () => {
  const holder = await database.connect();
  const chunks = holder.chunks('SELECT a.i FROM range(3_000_000) AS a(i) JOIN range(3_000_000) AS b(i) USING (i)');
  await database.wide(() => chunks.next());
  expect(await share()).toEqual([[1n, '381.4 MiB']]);
  await chunks.return();
  holder.close();
  await database.wide(async () => undefined);
  expect(await share()).toEqual(narrow);
});
