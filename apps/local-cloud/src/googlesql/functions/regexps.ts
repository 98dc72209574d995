/** Regular expressions: DuckDB's are RE2's as well, so patterns pass through. */
import { captureGroups } from '../runtime/strings.ts';
import { type Call, type FunctionSpec, scalar } from './call.ts';
import type { Declared } from './signature.ts';

/**
 * Builds the call for the pattern's group: 1 when it has one, else 0. DuckDB wants the number constant, so an unknown pattern
 * gets both; gs_groups refuses more than one.
 */
function withGroup(call: Call, pattern: string, build: (group: number) => string): string {
  const { literal } = call.args[1]!;
  if (typeof literal !== 'string') return `CASE WHEN gs_groups(${pattern}) = 0 THEN ${build(0)} ELSE ${build(1)} END`;
  const n = captureGroups(literal);
  if (n > 1) return `CASE WHEN ${call.args[0]!.sql} IS NOT NULL AND gs_groups(${pattern}) > 1 THEN NULL ELSE ${build(0)} END`;
  return build(n);
}

/** An emitter for texts, and the same for bytes: every byte as the letter of its number, the result back again. */
function both(arity: string, result: string, emit: (sql: readonly string[], call: Call) => string): Declared[] {
  const latin: Readonly<Record<string, (sql: string) => string>> = {
    STRING: (sql) => `gs_latin_bytes(${sql})`,
    'ARRAY<STRING>': (sql) => `list_transform(${sql}, lambda gs_e: gs_latin_bytes(gs_e))`,
  };
  const back = latin[result] ?? ((sql: string) => sql);
  return [
    [`${arity} -> ${result}`, emit],
    [
      `${arity.replaceAll('STRING', 'BYTES')} -> ${result.replace('STRING', 'BYTES')}`,
      (sql, call) =>
        back(
          emit(
            sql.map((s, i) => (call.args[i]!.type.kind === 'BYTES' ? `gs_bytes_latin(${s})` : s)),
            bytesCall(call),
          ),
        ),
    ],
  ];
}
/** The call as its emitter for texts must see it: literals of bytes read as texts. */
const bytesCall = (call: Call): Call => ({
  ...call,
  args: call.args.map((a) => (a.literal instanceof Uint8Array ? { ...a, literal: Buffer.from(a.literal).toString('latin1') } : a)),
});

/** The first match, or its group. A group that may take no part in a match is NULL then, which only regexp_extract_all tells from ''. */
function first(s: string, re: string, group: number, call: Call): string {
  const { literal } = call.args[1]!;
  const sure = group === 0 || (typeof literal === 'string' && !/\||\)(?:[?*]|\{0)/.test(literal));
  return sure
    ? `CASE WHEN regexp_matches(${s}, ${re}) THEN regexp_extract(${s}, ${re}, ${group}) END`
    : `regexp_extract_all(${s}, ${re}, ${group})[1]`;
}

const extract = (name: string): FunctionSpec =>
  scalar(
    name,
    ...both('STRING, STRING[, INT64, INT64]', 'STRING', ([s, re, position, occurrence], call) =>
      withGroup(call, re!, (g) =>
        position === undefined ? first(s!, re!, g, call) : `gs_regexp_nth(${s}, ${re}, ${g}, ${position}, ${occurrence ?? '1::BIGINT'})`,
      ),
    ),
  );

/** DuckDB reports an empty match behind the last letter, RE2 as GoogleSQL runs it does not. */
function extractAll([s, re]: readonly string[], call: Call): string {
  const { literal } = call.args[1]!;
  let neverEmpty = false;
  try {
    neverEmpty = typeof literal === 'string' && !new RegExp(literal).test('');
  } catch {
    // RE2 knows more than JavaScript: decided at run time.
  }
  return withGroup(call, re!, (g) => {
    const plain = `regexp_extract_all(${s}, ${re}, ${g})`;
    const all = g === 0 ? plain : `list_transform(${plain}, lambda gs_m: coalesce(gs_m, ''))`;
    return neverEmpty ? all : `gs_without_end(${s}, ${re}, ${all})`;
  });
}

/** The rewrite of REGEXP_REPLACE knows \\0 to \\9 and \\\\ only. */
function replaceAll([s, re, rewrite]: readonly string[], call: Call): string {
  const { literal } = call.args[2]!;
  const pattern = call.args[1]!.literal;
  if (typeof literal === 'string') {
    for (const [sequence, c] of literal.matchAll(/\\([\s\S]?)/g)) {
      if (!/[0-9\\]/.test(c ?? '') || c === '') throw call.fault(`Invalid REGEXP_REPLACE pattern: ${JSON.stringify(sequence)}`);
      if (typeof pattern === 'string' && /\d/.test(c!) && Number(c) > captureGroups(pattern))
        throw call.fault(
          `Rewrite schema requests ${c} matches, but the regexp only has ${captureGroups(pattern)} parenthesized subexpressions`,
        );
    }
  }
  return `regexp_replace(${s}, ${re}, ${rewrite}, 'g')`;
}

export const regexpFunctions: readonly FunctionSpec[] = [
  scalar('REGEXP_CONTAINS', ...both('STRING, STRING', 'BOOL', ([s, re]) => `regexp_matches(${s}, ${re})`)),
  extract('REGEXP_EXTRACT'),
  extract('REGEXP_SUBSTR'),
  scalar('REGEXP_EXTRACT_ALL', ...both('STRING, STRING', 'ARRAY<STRING>', extractAll)),
  scalar('REGEXP_REPLACE', ...both('STRING, STRING, STRING', 'STRING', replaceAll)),
  scalar(
    'REGEXP_INSTR',
    ...both(
      'STRING, STRING[, INT64, INT64, INT64]',
      'INT64',
      ([s, re, position = '1::BIGINT', occurrence = '1::BIGINT', end = '0::BIGINT'], call) =>
        withGroup(call, re!, (g) => `gs_regexp_instr(${s}, ${re}, ${g}, ${position}, ${occurrence}, ${end})`),
    ),
  ),
];
