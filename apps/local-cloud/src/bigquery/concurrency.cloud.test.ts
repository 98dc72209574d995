/** Statements that overlap, as BigQuery has it. Numbers in names are the invariants of execute/mutations.ts and dml.ts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of the API
type Json = any;

describe('overlapping statements', () => {
  let cloud: StartedProcess;
  let tables = 0;
  let table: string;

  const query = async (sql: string): Promise<Json> => {
    const response = await fetch(`${cloud.addresses.bigquery}/projects/p/queries`, {
      method: 'POST',
      body: JSON.stringify({ query: sql, useLegacySql: false, timeoutMs: 60000, useQueryCache: false }),
    });
    return response.json();
  };
  const run = async (sql: string): Promise<Json> => {
    const answer = await query(sql);
    if (answer.error) throw new Error(answer.error.message);
    return answer;
  };
  const values = async (sql: string): Promise<string[]> => ((await run(sql)).rows ?? []).map((row: Json) => row.f[0].v);
  const conflicts = async (): Promise<number> => ((await cloud.control('GET', '/__stats')) as Json).total.conflicts ?? 0;
  /** True after a while: keeps a statement running for some hundred milliseconds. */
  const slowly = '(select count(*) from unnest(generate_array(1, 6000)) a, unnest(generate_array(1, 6000)) b where a * 2 > b) > 0';

  beforeAll(async () => {
    cloud = await startProcess();
    await run('create schema d');
  });
  afterAll(() => cloud.dispose());
  beforeEach(async () => {
    table = `d.t${++tables}`;
    await run(`create table ${table} (id int64, state string, day date) partition by day`);
    await run(`insert ${table} values (1, 'PENDING', '2025-01-01'), (2, 'PENDING', '2025-01-02')`);
  });

  test('INSERTs never conflict: two that overlap, each where nothing exists, both insert', async () => {
    const insert = `insert ${table} (id, state) select 9, 'X' from (select 1) where ${slowly} and not exists (select 1 from ${table} where id = 9)`;
    const answers = await Promise.all([run(insert), run(insert)]);
    expect(answers.map((answer) => answer.numDmlAffectedRows)).toEqual(['1', '1']);
    expect(await values(`select count(*) from ${table} where id = 9`)).toEqual(['2']);
  });

  test('a MERGE that only inserts does not conflict either', async () => {
    const merge = `merge ${table} t using (select 9 as id) s on t.id = s.id and ${slowly} when not matched then insert (id, state) values (s.id, 'X')`;
    const answers = await Promise.all([run(merge), run(merge)]);
    expect(answers.map((answer) => answer.numDmlAffectedRows)).toEqual(['1', '1']);
  });

  test('2: of many that claim one row, exactly one changes it', async () => {
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, i) => query(`update ${table} set state = 'owner-${i}' where id = 1 and state = 'PENDING'`)),
    );
    const won = claims.filter((claim) => claim.numDmlAffectedRows === '1');
    expect(won).toHaveLength(1);
    for (const claim of claims)
      if (claim.error) expect(claim.error.message).toBe(`Could not serialize access to table p:${table} due to concurrent update`);
    expect((await values(`select state from ${table} where id = 1`))[0]).toMatch(/^owner-/);
  });

  test('2: statements that change different partitions do not conflict', async () => {
    const before = await conflicts();
    const update = (day: string) => run(`update ${table} set state = 'S' where day = '${day}' and ${slowly}`);
    await Promise.all([update('2025-01-01'), update('2025-01-02')]);
    expect(await conflicts()).toBe(before);
    expect(await values(`select count(*) from ${table} where state = 'S'`)).toEqual(['2']);
  });

  test('2: one that loses its three reruns too fails with the exact text, and changes nothing', async () => {
    let stop = false;
    const quick = (async () => {
      while (!stop) await query(`update ${table} set state = 'quick' where id = 2 and day = '2025-01-02'`);
    })();
    const slow = await query(`update ${table} set state = 'slow' where day = '2025-01-02' and ${slowly}`);
    stop = true;
    await quick;
    expect(slow.error).toMatchObject({
      code: 400,
      message: `Could not serialize access to table p:${table} due to concurrent update`,
      errors: [{ reason: 'invalidQuery' }],
    });
    expect(await values(`select state from ${table} where id = 2`)).toEqual(['quick']);
  });

  test('more tables made from queries at once than there are connections, beside other changes of metadata', async () => {
    const made = Array.from({ length: 24 }, (_, i) => run(`create table ${table}_${i} as select ${i} as n, count(*) as c from ${table}`));
    const empty = Array.from({ length: 24 }, (_, i) => run(`create table ${table}_empty_${i} (n int64)`));
    await Promise.all([...made, ...empty]);
    expect(await values(`select c from ${table}_23`)).toEqual(['2']);
  });

  test('a statement reads one snapshot, whatever commits while it runs', async () => {
    const read = run(`select (select count(*) from ${table}) as before, ${slowly} as slow, (select count(*) from ${table}) as after`);
    await run(`insert ${table} (id) values (50)`);
    const [row] = (await read).rows;
    expect(row.f[0].v).toBe(row.f[2].v);
  });

  test('3: a transaction that mutates a table another one holds is cancelled; the other commits', async () => {
    const transaction = (who: string) =>
      query(`begin transaction; update ${table} set state = '${who}' where id = 1; select ${slowly}; commit transaction;`);
    const ends = await Promise.all(['first', 'second'].map(async (who) => ({ who, error: (await transaction(who)).error })));
    const [cancelled, ...others] = ends.filter(({ error }) => error);
    expect(others).toEqual([]);
    expect(cancelled?.error.message).toContain(`Transaction is aborted due to concurrent update against table p:${table}`);
    expect(await values(`select state from ${table} where id = 1`)).toEqual(ends.filter(({ error }) => !error).map(({ who }) => who));
  });

  test('3: a single statement waits for the transaction that holds its table', async () => {
    const held = query(`begin transaction; update ${table} set state = 'tx' where id = 1; select ${slowly}; commit transaction;`);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const single = await query(`update ${table} set state = concat(state, '+') where id = 1`);
    expect((await held).error).toBeUndefined();
    expect(single.numDmlAffectedRows).toBe('1');
    expect(await values(`select state from ${table} where id = 1`)).toEqual(['tx+']);
  });

  describe('with limits switched on', () => {
    beforeEach(async () => {
      await cloud.control('PUT', '/__control/limits', { limits: 'on' });
      await cloud.control('PUT', '/__control/clock', { factor: 20 });
    });
    const off = async () => {
      await cloud.control('PUT', '/__control/limits', { limits: 'off' });
      await cloud.control('PUT', '/__control/clock', { factor: 1 });
    };

    test('1: the 23rd mutating statement at once is turned away', async () => {
      const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => query(`update ${table} set state = 'u${i}' where id = 1`)));
      const refused = answers.filter((answer) => /Too many DML statements outstanding against table/.test(answer.error?.message ?? ''));
      await off();
      expect(refused.length).toBe(2);
      expect(refused[0].error.message).toContain(`table p:${table}, limit is 20`);
    });

    test('more than 25 DML statements on a table in ten seconds are refused, a later one is not', async () => {
      await cloud.control('PUT', '/__control/clock', { factor: 1 });
      const answers = await Promise.all(Array.from({ length: 30 }, () => query(`insert ${table} (id) values (1)`)));
      const refused = answers.filter((answer) => answer.error?.errors[0].reason === 'rateLimitExceeded');
      await cloud.control('PUT', '/__control/clock', { factor: 100 });
      await new Promise((resolve) => setTimeout(resolve, 200));
      const later = await query(`insert ${table} (id) values (1)`);
      await off();
      expect(refused.length).toBe(5);
      expect(later.error).toBeUndefined();
    });

    test('rows from insertAll cannot be changed for 30 minutes', async () => {
      await fetch(`${cloud.addresses.bigquery}/projects/p/datasets/d/tables/${table.slice(2)}/insertAll`, {
        method: 'POST',
        body: JSON.stringify({ rows: [{ json: { id: 5 } }] }),
      });
      const early = await query(`update ${table} set state = 'x' where id = 5`);
      await cloud.control('PUT', '/__control/clock', { factor: 10000 });
      await new Promise((resolve) => setTimeout(resolve, 250));
      await cloud.control('PUT', '/__control/clock', { factor: 20 });
      const late = await query(`update ${table} set state = 'x' where id = 5`);
      await off();
      expect(early.error?.message).toBe(
        `UPDATE or DELETE statement over table p:${table} would affect rows in the streaming buffer, which is not supported`,
      );
      expect(late.numDmlAffectedRows).toBe('1');
    });
  });
});
