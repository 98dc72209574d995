/** Every case of cases/refusals.jsonl: what the reference implementation refuses is refused here, as the user's error and never as ours. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readRefusals } from './cases.ts';
import { GoogleSqlError } from './contract.ts';
import { Runner } from './testing.ts';

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
});
afterAll(() => runner.close());

for (const c of readRefusals(new URL('./cases/refusals.jsonl', import.meta.url))) {
  test(`${c.id}: ${c.sql.slice(0, 110)}`, async () => {
    await expect(runner.query(c.sql)).rejects.toBeInstanceOf(GoogleSqlError);
  });
}
