/** Every fault point of BigQuery, hit over the wire, and what survives it. */
import { connect } from 'node:net';
import { BigQuery } from '@google-cloud/bigquery';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';

describe('faults of BigQuery', () => {
  let cloud: StartedProcess;
  let tables = 0;
  let table: string;
  const arm = (plans: object): Promise<unknown> => cloud.control('PUT', '/__control/faults', plans);
  const fired = async (point: string): Promise<number> =>
    ((await cloud.control('GET', '/__control/faults')) as Record<string, { fired: number }>)[point]!.fired;
  const request = (sql: string, more: object = {}) => JSON.stringify({ query: sql, useLegacySql: false, useQueryCache: false, ...more });
  const run = async (sql: string): Promise<string> =>
    (await fetch(`${cloud.addresses.bigquery}/projects/p/queries`, { method: 'POST', body: request(sql) })).text();
  const count = async (): Promise<number> => Number(JSON.parse(await run(`select count(*) from ${table}`)).rows[0].f[0].v);
  /** How the connection ended, and what came over it before. */
  const ending = (body: string): Promise<{ how: string; answer: string }> =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(cloud.addresses.bigquery);
      const socket = connect(Number(port), hostname);
      let answer = '';
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString();
      });
      socket.once('error', (error: NodeJS.ErrnoException) => resolve({ how: error.code ?? '', answer }));
      socket.once('end', () => resolve({ how: 'end', answer }));
      socket.write(`POST /projects/p/queries HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    });

  beforeAll(async () => {
    cloud = await startProcess();
    await run('create schema d');
  });
  afterAll(() => cloud.dispose());
  beforeEach(async () => {
    table = `d.t${++tables}`;
    await run(`create table ${table} (id int64)`);
  });

  test('a request that is slow takes effect late, and holds up no other', async () => {
    await arm({ 'bigquery.slow': { times: 1, delayMs: 3000 } });
    let answered = false;
    const slow = run(`insert ${table} values (1)`).then((text) => {
      answered = true;
      return text;
    });
    while ((await fired('bigquery.slow')) === 0);
    expect([await count(), answered]).toEqual([0, false]);
    expect(JSON.parse(await slow)).toMatchObject({ jobComplete: true });
    expect(await count()).toBe(1);
  });

  test.each([
    ['bigquery.reset', 'ECONNRESET'],
    ['bigquery.answer_lost', 'end'],
  ])('%s: the connection ends by %s, without an answer and after the effect', async (point, how) => {
    const before = await fired(point);
    await arm({ [point]: { times: 1 } });
    expect(await ending(request(`insert ${table} values (1)`))).toEqual({ how, answer: '' });
    expect(await fired(point)).toBe(before + 1);
    expect(await count()).toBe(1);
  });

  test("Google's client sends again what a reset took the answer of, under the same requestId: it happens once", async () => {
    const client = new BigQuery({ projectId: 'p', apiEndpoint: cloud.addresses.bigquery });
    const before = await fired('bigquery.reset');
    await arm({ 'bigquery.reset': { times: 1 } });
    await client.query(`insert ${table} values (1)`);
    expect([(await fired('bigquery.reset')) - before, await count()]).toEqual([1, 1]);
  });

  test('an unavailable request has no effect', async () => {
    await arm({ 'bigquery.unavailable': { times: 1 } });
    expect(JSON.parse(await run(`insert ${table} values (1)`)).error).toMatchObject({ code: 503 });
    expect(await count()).toBe(0);
  });
});
