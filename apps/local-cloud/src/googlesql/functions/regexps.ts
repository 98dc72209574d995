/** Regular expressions: DuckDB's are RE2's as well, so patterns pass through. */
import { captureGroups } from '../runtime/strings.ts';
import { type Call, type FunctionSpec, scalar } from './call.ts';

/** Builds the call for the pattern's group: 1 when it has one, else 0. DuckDB wants the number constant, so an unknown pattern gets both. */
function withGroup(call: Call, pattern: string, build: (group: number) => string): string {
  const { literal } = call.args[1]!;
  if (typeof literal !== 'string') return `CASE WHEN gs_groups(${pattern}) = 0 THEN ${build(0)} ELSE ${build(1)} END`;
  const n = captureGroups(literal);
  if (n > 1) throw call.fault('Regular expressions passed into extraction functions must not have more than 1 capturing group');
  return build(n);
}

const extract = (name: string): FunctionSpec =>
  scalar(name, [
    'STRING, STRING[, INT64, INT64] -> STRING',
    ([s, re, position, occurrence], call) =>
      withGroup(call, re!, (g) =>
        position === undefined
          ? `CASE WHEN regexp_matches(${s}, ${re}) THEN regexp_extract(${s}, ${re}, ${g}) END`
          : `gs_regexp_nth(${s}, ${re}, ${g}, ${position}, ${occurrence ?? '1::BIGINT'})`,
      ),
  ]);

export const regexpFunctions: readonly FunctionSpec[] = [
  scalar('REGEXP_CONTAINS', ['STRING, STRING -> BOOL', 'regexp_matches($1, $2)']),
  extract('REGEXP_EXTRACT'),
  extract('REGEXP_SUBSTR'),
  scalar('REGEXP_EXTRACT_ALL', [
    'STRING, STRING -> ARRAY<STRING>',
    ([s, re], call) => withGroup(call, re!, (g) => `regexp_extract_all(${s}, ${re}, ${g})`),
  ]),
  scalar('REGEXP_REPLACE', ['STRING, STRING, STRING -> STRING', "regexp_replace($1, $2, $3, 'g')"]),
  scalar('REGEXP_INSTR', [
    'STRING, STRING[, INT64, INT64, INT64] -> INT64',
    ([s, re, position = '1::BIGINT', occurrence = '1::BIGINT', end = '0::BIGINT'], call) =>
      withGroup(call, re!, (g) => `gs_regexp_instr(${s}, ${re}, ${g}, ${position}, ${occurrence}, ${end})`),
  ]),
];
