import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Checkpoints } from './checkpoints.ts';
import { Database } from './database.ts';

let dir: string;
let database: Database;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'checkpoints-'));
  database = await Database.open(join(dir, 'data.duckdb'), { memoryLimit: '200MB', threads: 1, connections: 2, temp: join(dir, 'spill') });
});
afterAll(() => {
  database.close();
  rmSync(dir, { recursive: true, force: true });
});

test('many small transactions reach the file long before their log is large', async () => {
  const failures: unknown[] = [];
  const checkpoints = new Checkpoints(database, await database.connect(), (error) => failures.push(error));
  await database.use((connection) => connection.run('CREATE TABLE t (i BIGINT)'));
  for (let i = 0; i < 4500; i++) await database.transaction((connection) => connection.run('INSERT INTO t VALUES (1)'));
  for (let looks = 0; database.logBytes() > 200_000 && looks < 200; looks++) await sleep(50);
  expect(database.logBytes()).toBeLessThan(200_000);
  await checkpoints.close();
  expect(failures).toEqual([]);
});

test('one that a long SELECT keeps from going comes when its rows are read', async () => {
  const failures: unknown[] = [];
  const checkpoints = new Checkpoints(database, await database.connect(), (error) => failures.push(error));
  await database.use((connection) => connection.run('CREATE TABLE long AS SELECT range AS i FROM range(100_000)'));
  const reader = await database.connect();
  const rows = reader.chunks('SELECT i FROM long');
  await rows.next();
  for (let i = 0; i < 4500; i++) await database.transaction((connection) => connection.run('UPDATE long SET i = 0 WHERE i = 5'));
  await sleep(600);
  expect(database.logBytes()).toBeGreaterThan(200_000);
  await rows.return();
  for (let looks = 0; database.logBytes() > 200_000 && looks < 200; looks++) await sleep(50);
  expect(database.logBytes()).toBeLessThan(200_000);
  reader.close();
  await checkpoints.close();
  expect(failures).toEqual([]);
});
