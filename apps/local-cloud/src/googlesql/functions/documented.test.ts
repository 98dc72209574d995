/** Functions that the reference implementation does not evaluate; the answers are those of BigQuery's documentation. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Runner } from '../testing.ts';

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
});
afterAll(() => runner.close());

test.each<[string, unknown[]]>([
  ["edit_distance('abc', 'axc'), edit_distance('kitten', 'sitting'), edit_distance('abc', 'xyz', max_distance => 2)", ['1', '3', '2']],
  ["contains_substr('the blue house', 'Blue house'), contains_substr('a', 'b')", ['true', 'false']],
  ["to_base32(b'abcde\\xff'), from_base32('MFRGGZDF74======')", ['MFRGGZDF74======', 'YWJjZGX/']],
  ['cosine_distance([1.0, 2.0], [3.0, 4.0]) < 0.0162, euclidean_distance([0.0, 3.0], [4.0, 0.0])', ['true', '5']],
  ["parse_numeric('1,234.5-'), parse_numeric(' - 12.34 '), parse_bignumeric('1.5')", ['-1234.5', '-12.34', '1.5']],
  [
    "net.host('https://User@Example.com:8080/x?y'), net.reg_domain('http://www.google.co.uk/'), net.public_suffix('www.example.com')",
    ['Example.com', 'google.co.uk', 'com'],
  ],
  [
    "net.ip_to_string(net.ip_from_string('::1')), to_hex(net.ip_trunc(net.ip_from_string('192.168.7.9'), 16)), net.ipv4_to_int64(b'\\x01\\x02\\x03\\x04')",
    ['::1', 'c0a80000', '16909060'],
  ],
  [
    "cast(interval '1-2 3 4:5:6.789' year to second as string), cast(interval 90 minute as string), cast(justify_hours(interval 29 hour) as string)",
    ['1-2 3 4:5:6.789', '0-0 0 1:30:0', '0-0 1 5:0:0'],
  ],
  [
    "timestamp '2025-01-01 00:00:00+00' + interval 1 hour, date '2025-01-31' + interval 1 month",
    ['1735693200000000', '2025-02-28T00:00:00'],
  ],
  ['extract(hour from interval 90 minute), cast(make_interval(day => 5) as string)', ['1', '0-0 5 0:0:0']],
  [
    "cast(date '2025-03-09' as string format 'MON DD, YYYY'), cast('09-MAR-2025' as date format 'DD-MON-YYYY')",
    ['MAR 09, 2025', '2025-03-09'],
  ],
  [
    '(select approx_quantiles(x, 4) from unnest([1, 2, 3, 4, 5]) x), (select approx_count_distinct(x) from unnest([1, 1, 2]) x)',
    [['1', '2', '3', '4', '5'], '2'],
  ],
  [
    "(select approx_top_count(x, 1) from unnest(['a', 'b', 'a']) x), (select approx_top_sum(x, 2, 1) from unnest(['a', 'b', 'a']) x)",
    [[['a', '2']], [['a', '4']]],
  ],
  [
    "(select max_by(x, y) from unnest([struct('a' as x, 1 as y), ('b', 2)])), (select min_by(x, y) from unnest([struct('a' as x, 1 as y), ('b', 2)]))",
    ['b', 'a'],
  ],
  [
    "current_date(), current_timestamp(), current_datetime('America/New_York'), current_time, session_user()",
    ['2025-06-15', '1749990896789000', '2025-06-15T08:34:56.789', '12:34:56.789', 'me@example.com'],
  ],
  [
    "range_contains(range<date> '[2025-01-01, 2025-02-01)', date '2025-01-15'), range_overlaps(range(date '2025-01-01', null), range(date '2020-01-01', date '2025-01-01'))",
    ['true', 'false'],
  ],
  ['length(generate_uuid()), rand() between 0 and 1', ['36', 'true']],
])('select %s', async (list, row) => {
  expect(await runner.values(`select ${list}`)).toEqual([row]);
});

test('grouping sets, cube and GROUPING', async () => {
  expect(
    await runner.values(
      `select g, h, sum(v), grouping(g) from unnest([struct('a' as g, 'x' as h, 1 as v), ('b', 'x', 2)]) group by grouping sets ((g), (h), ()) order by 4, 1, 2`,
    ),
  ).toEqual([
    ['a', null, '1', '0'],
    ['b', null, '2', '0'],
    [null, null, '3', '1'],
    [null, 'x', '3', '1'],
  ]);
  expect(await runner.values("select g, sum(v) s from unnest([struct('a' as g, 1 as v), ('a', 2)]) group by all")).toEqual([['a', '3']]);
});
test('pipe syntax and set operations by name', async () => {
  expect(
    await runner.values('from unnest([1, 2, 3]) as x |> where x > 1 |> extend x * 2 as y |> select y |> order by y desc |> limit 1'),
  ).toEqual([['6']]);
  expect(await runner.values("from unnest(['a', 'b', 'a']) as g |> aggregate count(*) as n group by g |> where n > 1")).toEqual([
    ['a', '2'],
  ]);
  expect(await runner.values('select 1 as a, 2 as b union all by name select 3 as b, 4 as a order by a')).toEqual([
    ['1', '2'],
    ['4', '3'],
  ]);
  expect(await runner.values('select 1 as a full outer union all by name select 2 as b order by a')).toEqual([
    [null, '2'],
    ['1', null],
  ]);
});
