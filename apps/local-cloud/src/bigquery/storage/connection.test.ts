import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BIGINT, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Connection } from './connection.ts';
import { Database } from './database.ts';
import { WriteGate } from './write-gate.ts';

let dir: string;
let database: Database;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'connection-'));
  database = await Database.open(join(dir, 'data.duckdb'), { memoryLimit: '200MB', threads: 1, connections: 3, temp: join(dir, 'spill') });
  await database.use((connection) => connection.run('CREATE TABLE t (i BIGINT)'));
});
afterAll(() => {
  database.close();
  rmSync(dir, { recursive: true, force: true });
});

test('2. while a checkpoint has its moment, a statement that writes by itself waits, and one that reads does not', async () => {
  const seen: string[] = [];
  const wrote = () => seen.push('wrote');
  let writes: Promise<unknown> | undefined;
  const moment = await database.alone(1000, async () => {
    writes = Promise.all([
      database.use((connection) => connection.run('INSERT INTO t VALUES (1)')).then(wrote),
      database.use((connection) => connection.query('INSERT INTO t VALUES ($1)', [{ value: 2n, type: BIGINT }])).then(wrote),
    ]);
    // Both would be done before this read is.
    for (let i = 0; i < 50; i++) await database.use((connection) => connection.rows('SELECT count(*) FROM t'));
    seen.push('read');
  });
  await writes;
  expect(moment).toBe(true);
  expect(seen).toEqual(['read', 'wrote', 'wrote']);
});

test('2. a statement in a transaction does not wait for the gate that its transaction has passed', async () => {
  let moment: Promise<boolean> | undefined;
  await database.transaction(async (connection) => {
    moment = database.alone(60_000, async () => undefined);
    await connection.run('INSERT INTO t VALUES (3)');
  });
  expect(await moment).toBe(true);
});

test('1. a rollback that a cancelled job interrupts is asked for again before the gate is left', async () => {
  const asked: string[] = [];
  const raw = {
    prepare: async (sql: string) => ({ run: async () => void asked.push(sql) }),
    run: async (sql: string) => {
      asked.push(sql);
      if (asked.length === 2) throw new Error('INTERRUPT Error: Interrupted!');
    },
  } as unknown as DuckDBConnection;
  const connection = new Connection(raw, new WriteGate());
  await connection.begin();
  await connection.rollback();
  expect(asked).toEqual(['BEGIN TRANSACTION', 'ROLLBACK', 'ROLLBACK']);
});

test('work in any order leaves the connection in order, and its error to be seen', async () => {
  const order = async (connection: Connection) => (await connection.rows("SELECT current_setting('preserve_insertion_order')"))[0]?.[0];
  await database.use(async (connection) => {
    expect(await connection.inAnyOrder(() => order(connection))).toBe(false);
    expect(await order(connection)).toBe(true);
    const failing = connection.transaction(() => connection.inAnyOrder(() => connection.run("INSERT INTO t SELECT error('first')")));
    await expect(failing).rejects.toThrow('first');
    expect(await order(connection)).toBe(true);
  });
});
