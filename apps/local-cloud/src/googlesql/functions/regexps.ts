/** Regular expressions: DuckDB's are RE2's as well, so patterns pass through. */
import { captureGroups } from '../runtime/strings.ts';
import { type Call, type FunctionSpec, scalar } from './call.ts';

/** The SQL of the group to extract: 1 when the pattern has a group, else 0. */
function group(call: Call, pattern: string): string {
  const { literal } = call.args[1]!;
  if (typeof literal !== 'string') return `CAST(gs_groups(${pattern}) AS INTEGER)`;
  const n = captureGroups(literal);
  if (n > 1) throw call.fault('Regular expressions passed into extraction functions must not have more than 1 capturing group');
  return String(n);
}

const extract = (name: string): FunctionSpec =>
  scalar(name, [
    'STRING, STRING[, INT64, INT64] -> STRING',
    ([s, re, position, occurrence], call) => {
      const g = group(call, re!);
      if (position === undefined) return `CASE WHEN regexp_matches(${s}, ${re}) THEN regexp_extract(${s}, ${re}, ${g}) END`;
      return `gs_regexp_nth(${s}, ${re}, ${g}, ${position}, ${occurrence ?? '1::BIGINT'})`;
    },
  ]);

export const regexpFunctions: readonly FunctionSpec[] = [
  scalar('REGEXP_CONTAINS', ['STRING, STRING -> BOOL', 'regexp_matches($1, $2)']),
  extract('REGEXP_EXTRACT'),
  extract('REGEXP_SUBSTR'),
  scalar('REGEXP_EXTRACT_ALL', [
    'STRING, STRING -> ARRAY<STRING>',
    ([s, re], call) => `regexp_extract_all(${s}, ${re}, ${group(call, re!)})`,
  ]),
  scalar('REGEXP_REPLACE', ['STRING, STRING, STRING -> STRING', "regexp_replace($1, $2, $3, 'g')"]),
  scalar('REGEXP_INSTR', [
    'STRING, STRING[, INT64, INT64, INT64] -> INT64',
    ([s, re, position = '1::BIGINT', occurrence = '1::BIGINT', end = '0::BIGINT'], call) =>
      `gs_regexp_instr(${s}, ${re}, ${group(call, re!)}, ${position}, ${occurrence}, ${end})`,
  ]),
];
