/** Every case whose answer comes from Google's reference implementation, over REST against a running process. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { canonical, readCases } from '../googlesql/cases.ts';
import { type StartedProcess, startProcess } from '../started-process.ts';

let cloud: StartedProcess;
beforeAll(async () => {
  cloud = await startProcess();
});
afterAll(() => cloud.dispose());

const folder = new URL('../googlesql/cases/', import.meta.url);
for (const file of readdirSync(folder).filter((name) => name.endsWith('.jsonl'))) {
  describe(`${file.replace('.jsonl', '')} over REST`, () => {
    for (const c of readCases(new URL(file, folder))) {
      test(`${c.id}: ${c.sql.slice(0, 110)}`, async () => {
        const response = await fetch(`${cloud.addresses.bigquery}/bigquery/v2/projects/p/queries`, {
          method: 'POST',
          body: JSON.stringify({ query: c.sql, useLegacySql: false, formatOptions: { useInt64Timestamp: true } }),
        });
        // biome-ignore lint/suspicious/noExplicitAny: the answer of the API
        const body: any = await response.json();
        expect(body.error?.message).toBeUndefined();
        expect(canonical({ schema: body.schema.fields, rows: body.rows ?? [] }, c.ordered)).toBe(canonical(c, c.ordered));
      });
    }
  });
}
