/** Functions on STRING and BYTES. */
import { asTexts } from '../analyze/convert.ts';
import { shapeJson, transport } from '../analyze/transport.ts';
import { textLiteral } from '../analyze/typed.ts';
import { formatType, STRING } from '../sql-type.ts';
import { type Call, type FunctionSpec, scalar } from './call.ts';
import { describeArguments } from './signature.ts';

const pad = (name: string, left: boolean): FunctionSpec => {
  const duck = left ? 'lpad' : 'rpad';
  return scalar(
    name,
    [
      'STRING, INT64[, STRING] -> STRING',
      ([s, n, p]) =>
        `gs_pad_check(${s}, ${n}, ${p ?? "' '"}, ${duck}(${s}, CAST(CASE WHEN ${n} BETWEEN 0 AND 1048576 THEN ${n} END AS INTEGER), ${p ?? "' '"}))`,
    ],
    ['BYTES, INT64[, BYTES] -> BYTES', ([s, n, p]) => `gs_bytes_pad(${s}, ${n}, ${p ?? "encode(' ')"}, ${left})`],
  );
};
const trim = (name: string, duck: string, side: string): FunctionSpec =>
  scalar(
    name,
    ['STRING -> STRING', `${duck}($1, gs_blanks())`],
    ['STRING, STRING -> STRING', `${duck}($1, $2)`],
    ['BYTES, BYTES -> BYTES', `gs_bytes_trim($1, $2, '${side}')`],
  );
const substring = (name: string): FunctionSpec =>
  scalar(
    name,
    ['STRING, INT64 -> STRING', 'gs_substr($1, $2)'],
    ['STRING, INT64, INT64 -> STRING', 'gs_substr_n($1, $2, $3)'],
    ['BYTES, INT64 -> BYTES', 'gs_bytes_substr($1, $2, octet_length($1))'],
    ['BYTES, INT64, INT64 -> BYTES', 'gs_bytes_substr($1, $2, $3)'],
  );
const length = (name: string): FunctionSpec => scalar(name, ['STRING -> INT64', 'CAST(length($1) AS BIGINT)']);

function format(sql: readonly string[], call: Call): string {
  const args = call.args.slice(1);
  const list = args.map((a) => (a.untyped ? { type: { kind: 'INT64' as const }, sql: 'CAST(NULL AS BIGINT)' } : a));
  const shapes = `{"list":[${list.map((a) => shapeJson(a.type)).join(',')}]}`;
  return `gs_format(${sql[0]}, '${shapes.replaceAll("'", "''")}', CAST([${list.map((a) => transport(a.sql, a.type)).join(', ')}] AS VARCHAR[]))`;
}

export const stringFunctionSpecs: readonly FunctionSpec[] = [
  scalar(
    'CONCAT',
    ['STRING, STRING... -> STRING', (sql) => `(${sql.join(' || ')})`],
    ['BYTES, BYTES... -> BYTES', (sql) => `(${sql.join(' || ')})`],
    [
      'ANY, ANY... -> STRING',
      (_, call) => {
        const texts = asTexts(call.args);
        if (!texts) throw call.fault(`No matching signature for function CONCAT for argument types: ${describeArguments(call.args)}`);
        return `(${texts.join(' || ')})`;
      },
      () => STRING,
    ],
  ),
  scalar('LENGTH', ['STRING -> INT64', 'CAST(length($1) AS BIGINT)'], ['BYTES -> INT64', 'CAST(octet_length($1) AS BIGINT)']),
  length('CHAR_LENGTH'),
  length('CHARACTER_LENGTH'),
  ...['BYTE_LENGTH', 'OCTET_LENGTH'].map((n) =>
    scalar(n, ['STRING -> INT64', 'CAST(strlen($1) AS BIGINT)'], ['BYTES -> INT64', 'CAST(octet_length($1) AS BIGINT)']),
  ),
  scalar('UPPER', ['STRING -> STRING', 'gs_upper($1)'], ['BYTES -> BYTES', 'gs_bytes_upper($1)']),
  scalar('LOWER', ['STRING -> STRING', 'gs_lower($1)'], ['BYTES -> BYTES', 'gs_bytes_lower($1)']),
  scalar('INITCAP', ['STRING -> STRING', 'gs_initcap($1)'], ['STRING, STRING -> STRING', 'gs_initcap_by($1, $2)']),
  trim('TRIM', 'trim', 'both'),
  trim('LTRIM', 'ltrim', 'left'),
  trim('RTRIM', 'rtrim', 'right'),
  pad('LPAD', true),
  pad('RPAD', false),
  scalar(
    'REPEAT',
    [
      'STRING, INT64 -> STRING',
      "CASE WHEN $1 IS NULL THEN NULL WHEN $2 < 0 THEN gs_fail('Second argument in REPEAT() must be non-negative') ELSE repeat($1, $2) END",
    ],
    ['BYTES, INT64 -> BYTES', 'gs_bytes_repeat($1, $2)'],
  ),
  scalar('REVERSE', ['STRING -> STRING', 'gs_text_reverse($1)'], ['BYTES -> BYTES', 'gs_bytes_reverse($1)']),
  scalar(
    'SPLIT',
    ['STRING[, STRING] -> ARRAY<STRING>', ([s, d]) => `gs_split(${s}, ${d ?? "','"})`],
    ['BYTES, BYTES -> ARRAY<BYTES>', 'list_transform(gs_split(gs_bytes_latin($1), gs_bytes_latin($2)), lambda gs_e: gs_latin_bytes(gs_e))'],
  ),
  scalar('STRPOS', ['STRING, STRING -> INT64', 'CAST(strpos($1, $2) AS BIGINT)'], ['BYTES, BYTES -> INT64', 'gs_bytes_position($1, $2)']),
  scalar(
    'INSTR',
    ['STRING, STRING[, INT64, INT64] -> INT64', ([s, w, p, o]) => `gs_instr(${s}, ${w}, ${p ?? '1::BIGINT'}, ${o ?? '1::BIGINT'})`],
    [
      'BYTES, BYTES[, INT64, INT64] -> INT64',
      ([s, w, p, o]) => `gs_instr(gs_bytes_latin(${s}), gs_bytes_latin(${w}), ${p ?? '1::BIGINT'}, ${o ?? '1::BIGINT'})`,
    ],
  ),
  scalar(
    'STARTS_WITH',
    ['STRING, STRING -> BOOL', 'starts_with($1, $2)'],
    ['BYTES, BYTES -> BOOL', '(gs_bytes_position($1, $2) = 1 OR octet_length($2) = 0)'],
  ),
  scalar(
    'ENDS_WITH',
    ['STRING, STRING -> BOOL', 'ends_with($1, $2)'],
    ['BYTES, BYTES -> BOOL', '(gs_bytes_position(gs_bytes_reverse($1), gs_bytes_reverse($2)) = 1 OR octet_length($2) = 0)'],
  ),
  scalar(
    'REPLACE',
    ['STRING, STRING, STRING -> STRING', "CASE WHEN $2 = '' THEN $1 ELSE replace($1, $2, $3) END"],
    ['BYTES, BYTES, BYTES -> BYTES', 'gs_bytes_replace($1, $2, $3)'],
  ),
  scalar(
    'TRANSLATE',
    ['STRING, STRING, STRING -> STRING', 'gs_translate($1, $2, $3)'],
    ['BYTES, BYTES, BYTES -> BYTES', 'gs_latin_bytes(gs_translate(gs_bytes_latin($1), gs_bytes_latin($2), gs_bytes_latin($3)))'],
  ),
  substring('SUBSTR'),
  substring('SUBSTRING'),
  scalar(
    'LEFT',
    [
      'STRING, INT64 -> STRING',
      "CASE WHEN $1 IS NULL THEN NULL WHEN $2 < 0 THEN gs_fail('Second argument in LEFT() must be non-negative') ELSE left($1, $2) END",
    ],
    ['BYTES, INT64 -> BYTES', 'gs_bytes_substr($1, 1::BIGINT, $2)'],
  ),
  scalar(
    'RIGHT',
    [
      'STRING, INT64 -> STRING',
      "CASE WHEN $1 IS NULL THEN NULL WHEN $2 < 0 THEN gs_fail('Second argument in RIGHT() must be non-negative') ELSE right($1, $2) END",
    ],
    ['BYTES, INT64 -> BYTES', 'CASE WHEN $2 >= octet_length($1) THEN $1 ELSE gs_bytes_substr($1, octet_length($1) - $2 + 1, $2) END'],
  ),
  scalar('ASCII', [
    'STRING -> INT64',
    "CASE WHEN $1 = '' THEN 0 WHEN unicode($1) > 127 THEN gs_fail('ASCII: non-ASCII first character') ELSE CAST(unicode($1) AS BIGINT) END",
  ]),
  scalar('UNICODE', ['STRING -> INT64', "CASE WHEN $1 = '' THEN 0 ELSE CAST(unicode($1) AS BIGINT) END"]),
  scalar('CHR', ['INT64 -> STRING', 'gs_chr($1)']),
  scalar('TO_CODE_POINTS', ['STRING -> ARRAY<INT64>', 'gs_code_points($1)'], ['BYTES -> ARRAY<INT64>', 'gs_bytes_points($1)']),
  scalar('CODE_POINTS_TO_STRING', ['ARRAY<INT64> -> STRING', 'gs_points_text($1)']),
  scalar('CODE_POINTS_TO_BYTES', ['ARRAY<INT64> -> BYTES', 'gs_points_bytes($1)']),
  { ...scalar('NORMALIZE', ['STRING[, STRING] -> STRING', ([s, m]) => `gs_normalize(${s}, ${m ?? "'NFC'"}, false)`]), part: 1 },
  { ...scalar('NORMALIZE_AND_CASEFOLD', ['STRING[, STRING] -> STRING', ([s, m]) => `gs_normalize(${s}, ${m ?? "'NFC'"}, true)`]), part: 1 },
  scalar('SOUNDEX', ['STRING -> STRING', 'gs_soundex($1)']),
  scalar('EDIT_DISTANCE', [
    'STRING, STRING[, max_distance INT64] -> INT64',
    ([a, b, m]) => `gs_edit_distance(${a}, ${b}, ${m ?? '9007199254740991::BIGINT'})`,
  ]),
  scalar('CONTAINS_SUBSTR', ['STRING, STRING -> BOOL', "contains(gs_normalize($1, 'NFKC', true), gs_normalize($2, 'NFKC', true))"]),
  scalar('COLLATE', [
    'STRING, STRING -> STRING',
    ([s], call) => {
      if (call.args[1]!.literal === 'binary' || call.args[1]!.literal === '') return s!;
      throw call.fault('COLLATE is not supported');
    },
  ]),
  scalar('PARSE_NUMERIC', ['STRING -> NUMERIC', 'gs_parse_numeric($1)']),
  scalar('PARSE_BIGNUMERIC', ['STRING -> BIGNUMERIC', 'gs_parse_bignumeric($1)']),
  scalar('TYPEOF', [
    'ANY -> STRING',
    (_, call) => textLiteral(call.args[0]!.untyped ? 'NULL' : formatType(call.args[0]!.type)),
    () => STRING,
  ]),
  scalar('FORMAT', ['STRING, ANY... -> STRING', format]),
];
