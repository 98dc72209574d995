import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Column } from '../../googlesql/contract.ts';
import { Database } from '../storage/database.ts';
import { type ResultSet, Results } from './results.ts';

const MB = 1024 * 1024;
const columns: readonly Column[] = [
  { name: 'id', type: { kind: 'INT64' } },
  { name: 'text', type: { kind: 'STRING' } },
];

describe('results', () => {
  let dir: string;
  let database: Database;
  let results: Results;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'results-'));
    database = await Database.open(join(dir, 'data.duckdb'), {
      memoryLimit: '100MB',
      threads: 1,
      connections: 2,
      temp: join(dir, 'spill'),
    });
    results = await Results.open(database, dir);
  });
  afterAll(() => {
    database.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const collect = (sql: string, aborted = new AbortController().signal): Promise<ResultSet> =>
    database.use((connection) => results.collect(connection, sql, [], columns, aborted));
  const large = (rows: number, length = 1000) => `SELECT i, repeat('x', ${length}) FROM range(${rows}) r(i)`;
  const ids = async (result: ResultSet, start: number, limit: number) => (await result.page(start, limit)).map(({ f }) => Number(f[0]!.v));

  test('2: large ones, read one after the other, leave little behind', async () => {
    await collect(large(50_000));
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 16; i++) expect((await collect(large(50_000))).total).toBe(50_000);
    expect((process.memoryUsage().rss - before) / MB).toBeLessThan(250);
  });

  test('1: pages follow the order of the query, from wherever they begin', async () => {
    const result = await collect(large(60_000));
    for (const start of [0, 1, 2047, 3500, 20_000, 59_990]) {
      const page = await ids(result, start, 3000);
      expect(page).toEqual(Array.from({ length: page.length }, (_, i) => start + i));
      expect(page.length).toBe(Math.min(3000, 60_000 - start));
    }
    expect(await ids(result, 60_000, 10)).toEqual([]);
  });

  test('a page ends early where it would be too large', async () => {
    const page = await ids(await collect(large(60_000)), 0, 60_000);
    expect(page.length).toBeGreaterThan(1000);
    expect(page.length).toBeLessThan(50_000);
  });

  test('what goes wrong after the first rows is an error, not an end', async () => {
    await expect(collect("SELECT i, CASE WHEN i > 100000 THEN error('went wrong') ELSE 'x' END FROM range(200000) r(i)")).rejects.toThrow(
      'went wrong',
    );
  });

  test('a query that was cancelled between two chunks ends as cancelled', async () => {
    const abort = new AbortController();
    const running = database.use((connection) => {
      abort.signal.addEventListener('abort', () => connection.raw.interrupt());
      return results.collect(connection, large(3_000_000), [], columns, abort.signal);
    });
    setTimeout(() => abort.abort(), 50);
    await expect(running).rejects.toThrow(/^INTERRUPT/);
  });

  test('2: who was longest unread makes room, and says that it expired', async () => {
    const [unread, read] = [await collect(large(1000)), await collect(large(1000))];
    const later: ResultSet[] = [];
    for (let i = 0; i < 160; i++) {
      later.push(await collect(large(1000)));
      expect(await ids(read, 0, 1)).toEqual([0]);
    }
    await expect(unread.page(0, 10)).rejects.toThrow('has expired');
    expect(await ids(later.at(-1)!, 0, 3)).toEqual([0, 1, 2]);
    expect(await ids(later.at(-60)!, 0, 3)).toEqual([0, 1, 2]);
  });

  test('2: who is half-way through its pages stays, however many come meanwhile', async () => {
    const [read, left] = [await collect(large(3000)), await collect(large(3000))];
    expect(await ids(read, 0, 1000)).toHaveLength(1000);
    expect(await ids(read, 1000, 1000)).toHaveLength(1000);
    expect(await ids(left, 0, 3000)).toHaveLength(3000);
    for (let i = 0; i < 160; i++) await collect(large(1000));
    expect((await ids(read, 2000, 1000))[0]).toBe(2000);
    await expect(left.page(0, 1)).rejects.toThrow('has expired');
  });
});
