/** Every case whose answer, or refusal, comes from Google's reference implementation, over REST against a running process. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { canonical, readCases, readRefusals } from '../googlesql/cases.ts';
import { type StartedProcess, startProcess } from '../started-process.ts';

let cloud: StartedProcess;
beforeAll(async () => {
  cloud = await startProcess();
});
afterAll(() => cloud.dispose());

/** A reply of jobs.query: its status, and the API's own JSON. */
// biome-ignore lint/suspicious/noExplicitAny: the answer of the API
async function query(sql: string): Promise<{ status: number; body: any }> {
  const response = await fetch(`${cloud.addresses.bigquery}/bigquery/v2/projects/p/queries`, {
    method: 'POST',
    body: JSON.stringify({ query: sql, useLegacySql: false, formatOptions: { useInt64Timestamp: true } }),
  });
  return { status: response.status, body: await response.json() };
}

const REFUSALS = 'refusals.jsonl';
const folder = new URL('../googlesql/cases/', import.meta.url);
for (const file of readdirSync(folder).filter((name) => name.endsWith('.jsonl') && name !== REFUSALS)) {
  describe(`${file.replace('.jsonl', '')} over REST`, () => {
    for (const c of readCases(new URL(file, folder))) {
      test(`${c.id}: ${c.sql.slice(0, 110)}`, async () => {
        const { body } = await query(c.sql);
        expect(body.error?.message).toBeUndefined();
        expect(canonical({ schema: body.schema.fields, rows: body.rows ?? [] }, c.ordered)).toBe(canonical(c, c.ordered));
      });
    }
  });
}

describe('refusals over REST', () => {
  for (const c of readRefusals(new URL(REFUSALS, folder))) {
    test(`${c.id}: ${c.sql.slice(0, 110)}`, async () => {
      const { status, body } = await query(c.sql);
      expect(status).toBe(400);
      expect(body.error).toMatchObject({
        code: 400,
        errors: [{ reason: expect.stringMatching(/^invalid/), message: expect.stringMatching(/./) }],
      });
    });
  }
});

test('a fraction of a second has six digits, by which Google’s clients read it', async () => {
  const { body } = await query("select time '01:02:03.5', datetime '2025-01-02 03:04:05.25', time '01:02:03'");
  expect(body.rows[0].f).toEqual([{ v: '01:02:03.500000' }, { v: '2025-01-02T03:04:05.250000' }, { v: '01:02:03' }]);
});
