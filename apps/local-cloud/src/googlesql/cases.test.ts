/** Every case of cases/*.jsonl: answers of Google's reference implementation. One file per family; what is refused has its own test. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { canonical, readCases } from './cases.ts';
import { Runner } from './testing.ts';

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
});
afterAll(() => runner.close());

const folder = new URL('./cases/', import.meta.url);
for (const file of readdirSync(folder).filter((f) => f.endsWith('.jsonl') && f !== 'refusals.jsonl')) {
  describe(`${file.replace('.jsonl', '')} answer as the reference implementation does`, () => {
    for (const c of readCases(new URL(file, folder))) {
      test(`${c.id}: ${c.sql.slice(0, 110)}`, async () => {
        expect(canonical(await runner.query(c.sql), c.ordered)).toBe(canonical(c, c.ordered));
      });
    }
  });
}
