import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { renderJson } from '../runtime/json-value.ts';
import { Runner } from '../testing.ts';

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
});
afterAll(() => runner.close());

test('TO_JSON_STRING escapes every character as GoogleSQL does, whichever side wrote it', async () => {
  const points = [...Array.from({ length: 0x300 }, (_, i) => i + 1), 0x2027, 0x2028, 0x2029, 0x202a, 0xfeff, 0x1f600];
  const sql = `select to_json_string([s]), to_json_string(struct(s as \`k\`)) from (select code_points_to_string([92, 117, c, 48, c]) as s from unnest([${points.join(', ')}]) c with offset o order by o)`;
  const rows = await runner.values(sql);
  const texts = points.map((c) => `\\u${String.fromCodePoint(c)}0${String.fromCodePoint(c)}`);
  expect(rows).toEqual(texts.map((text) => [renderJson([text], false), `{"k":${renderJson(text, false)}}`]));
});

test('TO_JSON_STRING of structs keeps their names, their NULLs and integers that JSON has no room for', async () => {
  const sql = `with t as (select struct('a' as \`K\`, cast(null as string) as v) as s, 9007199254740993 as n union all select null, 1)
    select to_json_string([s, null]), to_json_string(s), to_json_string(struct([s] as l, struct(n) as \`N\`)) from t order by 2`;
  expect(await runner.values(sql)).toEqual([
    ['[null,null]', 'null', '{"l":[null],"N":{"n":1}}'],
    ['[{"K":"a","v":null},null]', '{"K":"a","v":null}', '{"l":[{"K":"a","v":null}],"N":{"n":"9007199254740993"}}'],
  ]);
});

test('a text that is the same in every row is still NULL where it is NULL', async () => {
  const long = 'America/Los_Angeles';
  const sql = `select count(*), count(timestamp(datetime '2025-01-01', if(mod(n, 3) = 0, null, '${long}'))) from unnest(generate_array(1, 3000)) n`;
  expect(await runner.values(sql)).toEqual([['3000', '2000']]);
});

test('an answer is taken again for the same arguments only, and not over a row without one', async () => {
  const rows = [
    ["'2025-07-01'", "'UTC'"],
    ["'2025-01-01'", 'null'],
    ["'2025-01-01'", "'UTC'"],
    ["'2025-01-01'", "'Asia/Tokyo'"],
  ];
  const sql = `select unix_seconds(timestamp(datetime(d), z)) from unnest([${rows.map(([d, z]) => `struct(date ${d} as d, ${z} as z)`).join(', ')}]) with offset o order by o`;
  expect(await runner.values(sql)).toEqual([['1751328000'], [null], ['1735689600'], ['1735657200']]);
});
