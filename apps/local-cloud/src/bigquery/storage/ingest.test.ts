import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BIGINT } from '@duckdb/node-api';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Database } from './database.ts';
import { Ingest, type Target } from './ingest.ts';
import { TableLocks } from './table-locks.ts';
import { WriteLog } from './write-log.ts';

let dir: string;
let database: Database;
let log: WriteLog;
let locks: TableLocks;
let ingest: Ingest;
let transactions = 0;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ingest-'));
  database = await Database.open(join(dir, 'd.duckdb'), { memoryLimit: '200MB', threads: 1, connections: 4, temp: join(dir, 'spill') });
  for (const sql of Ingest.tables) await database.use((connection) => connection.run(sql));
  log = await WriteLog.open(
    join(dir, 'log'),
    () => undefined,
    () => [],
  );
  locks = new TableLocks();
  ingest = new Ingest(database, locks, () => undefined);
  ingest.attach(log);
  transactions = 0;
  const transaction = database.transaction.bind(database);
  database.transaction = (work) => {
    transactions++;
    return transaction(work);
  };
});
afterEach(async () => {
  await ingest.close();
  await log.close();
  database.close();
  rmSync(dir, { recursive: true });
});

const target = (id: number, broken = () => false): Target => ({
  id,
  physical: `"t${id}"`,
  types: [BIGINT],
  ensure: async (connection) => {
    if (broken()) throw new Error('broken');
    await connection.run(`CREATE TABLE IF NOT EXISTS "t${id}" (v BIGINT)`);
    return () => undefined;
  },
});
const append = (to: Target, ...values: bigint[]) =>
  ingest.append(
    to,
    1,
    [Buffer.from('x')],
    values.map((value) => [value]),
  );
const stored = async (id: number) =>
  (await database.use((connection) => connection.rows(`SELECT v FROM "t${id}" ORDER BY rowid`))).map(([v]) => v);
const recorded = async () => (await database.use((connection) => connection.rows('SELECT table_id FROM local_folds ORDER BY 1'))).flat();

test('tables that are folded together share a transaction, and each keeps the order of its rows', async () => {
  for (let i = 0n; i < 3n; i++) await Promise.all([append(target(1), i), append(target(2), 10n + i)]);
  await ingest.foldAll();
  expect(transactions).toBe(1);
  await append(target(1), 3n);
  await ingest.foldAll();
  expect([await stored(1), await stored(2)]).toEqual([
    [0n, 1n, 2n, 3n],
    [10n, 11n, 12n],
  ]);
  expect(await recorded()).toEqual([1n, 2n]);
});

test('3: a fold of everything waits for what is being folded already', async () => {
  await append(target(1), 1n);
  const release = await locks.acquire(1, true);
  let folded = false;
  const first = ingest.fold(1).then(() => {
    folded = true;
  });
  await pause(5);
  const all = ingest.foldAll().then(() => folded);
  await pause(5);
  release();
  expect(await all).toBe(true);
  await first;
});

test('a table that cannot be folded keeps its rows and spoils no other', async () => {
  let broken = true;
  await append(
    target(1, () => broken),
    1n,
  );
  await append(target(2), 2n);
  await expect(ingest.foldAll()).rejects.toThrow('broken');
  expect(await stored(2)).toEqual([2n]);
  broken = false;
  await ingest.foldAll();
  expect(await stored(1)).toEqual([1n]);
});

test('a table that somebody has alone holds up only itself', async () => {
  await append(target(2), 2n);
  await append(target(1), 1n);
  const release = await locks.acquire(1, true);
  const all = ingest.foldAll();
  while ((await recorded()).length === 0) await pause(5);
  expect(await recorded()).toEqual([2n]);
  release();
  await all;
  expect(await stored(1)).toEqual([1n]);
});

test('many waiting rows are folded without being asked for', async () => {
  await append(target(1), ...Array.from({ length: 20_000 }, (_, i) => BigInt(i)));
  while ((await recorded()).length === 0) await pause(5);
  expect(await stored(1)).toHaveLength(20_000);
});

test('6: tables that began to fill together are folded each at its own time', async () => {
  await ingest.close();
  const ages = [0, 60_000];
  ingest = new Ingest(
    database,
    locks,
    () => undefined,
    () => ages.shift()!,
  );
  ingest.attach(log);
  await Promise.all([append(target(1), 1n), append(target(2), 2n)]);
  while ((await recorded()).length === 0) await pause(5);
  expect(await recorded()).toEqual([1n]);
});

test('while many rows move, others have their turn', async () => {
  const ids = target(8);
  await append(ids, ...Array.from({ length: 3000 }, (_, i) => BigInt(i)));
  let turns = 0;
  let before = 0;
  const transaction = database.transaction.bind(database);
  database.transaction = (work) =>
    transaction(async (connection) => {
      const createAppender = connection.raw.createAppender.bind(connection.raw);
      connection.raw.createAppender = async (name) => {
        const appender = await createAppender(name);
        const appendChunk = appender.appendDataChunk.bind(appender);
        appender.appendDataChunk = (chunk) => {
          setImmediate(() => turns++);
          appendChunk(chunk);
        };
        const close = appender.closeSync.bind(appender);
        appender.closeSync = () => {
          before = turns;
          close();
        };
        return appender;
      };
      return work(connection);
    });
  await ingest.fold(8);
  expect(before).toBeGreaterThan(1);
});

test('a fold waits until the disk has the log of its rows', async () => {
  await append(target(1), 1n);
  let had: () => void = () => undefined;
  const onDisk = log.onDisk.bind(log);
  log.onDisk = () => new Promise((resolve) => (had = resolve));
  const folded = ingest.fold(1);
  await pause(50);
  expect(transactions).toBe(0);
  log.onDisk = onDisk;
  had();
  await folded;
  expect(transactions).toBe(1);
});

test('between two tables that are folded together others have their turn', async () => {
  for (const id of [1, 2, 3]) await append(target(id), 1n);
  await ingest.foldAll();
  for (const id of [1, 2, 3]) await append({ ...target(id), ensure: async () => () => undefined }, 2n);
  let turns = 0;
  const at: number[] = [];
  const transaction = database.transaction.bind(database);
  database.transaction = (work) =>
    transaction((connection) => {
      const createAppender = connection.raw.createAppender.bind(connection.raw);
      connection.raw.createAppender = (name) => {
        at.push(turns);
        setImmediate(() => turns++);
        return createAppender(name);
      };
      return work(connection);
    });
  await ingest.foldAll();
  expect(at).toEqual([0, 1, 2]);
});
