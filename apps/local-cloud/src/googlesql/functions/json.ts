/** JSON functions. */
import { nativeJson, shapeJson, transport } from '../analyze/transport.ts';
import { parsePath } from '../runtime/json-value.ts';
import { type Call, type FunctionSpec, once, scalar } from './call.ts';
import type { Declared } from './signature.ts';

const path = (call: Call, sql: string | undefined, legacy: boolean): string => {
  const literal = call.args[1]?.literal;
  if (typeof literal === 'string' && !legacy) {
    try {
      parsePath(literal, legacy);
    } catch (error) {
      throw call.fault((error as Error).message);
    }
  }
  return sql ?? "'$'";
};
/** Each takes JSON or a STRING that holds JSON, and a path. */
function reader(name: string, native: string, legacy: boolean, result: { json: string; text: string }): FunctionSpec {
  const rows: Declared[] = [
    [`JSON[, STRING] -> ${result.json}`, ([v, p], call) => `${native}(${v}, ${path(call, p, legacy)}, '${legacy ? 'legacy ' : ''}typed')`],
    [`STRING[, STRING] -> ${result.text}`, ([v, p], call) => `${native}(${v}, ${path(call, p, legacy)}, '${legacy ? 'legacy' : 'text'}')`],
  ];
  return scalar(name, ...rows);
}
const text = { json: 'STRING', text: 'STRING' };
const same = { json: 'JSON', text: 'STRING' };
const list = { json: 'ARRAY<JSON>', text: 'ARRAY<STRING>' };
const texts = { json: 'ARRAY<STRING>', text: 'ARRAY<STRING>' };

const toJson = (sql: string, call: Call, wide = "'none'", i = 0): string => {
  const arg = call.args[i]!;
  if (arg.untyped) return "'null'";
  if (arg.type.kind === 'JSON') return `coalesce(${sql}, 'null')`;
  const native = wide === "'none'" || wide === "'text'" ? nativeJson(sql, arg.type, wide === "'text'") : undefined;
  if (native) return `coalesce(${once([native], 'gs_j', ([j]) => escapes(j!))}, 'null')`;
  return `coalesce(gs_to_json(${asText(sql, arg.type)}, '${shapeJson(arg.type).replaceAll("'", "''")}', ${wide}), 'null')`;
};
/** DuckDB's escapes are GoogleSQL's but for rare characters, and only texts that may hold those leave DuckDB. */
const escapes = (json: string): string =>
  `CASE WHEN contains(${json}, '\\u') OR contains(${json}, '\u2028') OR contains(${json}, '\u2029') THEN gs_json_escapes(${json}) ELSE ${json} END`;
function asText(sql: string, type: Call['args'][number]['type']): string {
  const moved = transport(sql, type);
  return type.kind === 'ARRAY' || type.kind === 'STRUCT' ? moved : `CAST(to_json(${moved}) AS VARCHAR)`;
}
/** A value inside JSON_SET and its kin, and in JSON_ARRAY and JSON_OBJECT. */
const value = (sql: string, call: Call, i: number) => toJson(sql, call, undefined, i);
/** Takes paths with values, one after the other, and a flag that is true when it is not given. */
const edit = (name: string, native: string, flag: string): FunctionSpec => {
  const emit = (sql: readonly string[], call: Call): string => {
    const given = sql.length % 2 === 0 ? sql.at(-1)! : 'true';
    let out = sql[0]!;
    for (let i = 1; i + 1 < sql.length; i += 2) out = `${native}(${out}, ${sql[i]}, ${value(sql[i + 1]!, call, i + 1)}, ${given})`;
    return out;
  };
  return { ...scalar(name, ['JSON, STRING, ANY, ANY... -> JSON', emit]), flag };
};

export const jsonFunctionSpecs: readonly FunctionSpec[] = [
  reader('JSON_VALUE', 'gs_json_value', false, text),
  reader('JSON_QUERY', 'gs_json_query', false, same),
  reader('JSON_EXTRACT', 'gs_json_query', true, same),
  reader('JSON_EXTRACT_SCALAR', 'gs_json_value', true, text),
  reader('JSON_QUERY_ARRAY', 'gs_json_query_array', false, list),
  reader('JSON_EXTRACT_ARRAY', 'gs_json_query_array', true, list),
  reader('JSON_VALUE_ARRAY', 'gs_json_value_array', false, texts),
  reader('JSON_EXTRACT_STRING_ARRAY', 'gs_json_value_array', true, texts),
  scalar('PARSE_JSON', ['STRING[, wide_number_mode STRING] -> JSON', ([s, m]) => `gs_parse_json(${s}, ${m ?? "'exact'"})`]),
  scalar('TO_JSON', [
    'ANY[, stringify_wide_numbers BOOL] -> JSON',
    ([s, w], call) => `gs_json_sorted(${toJson(s!, call, w ? `CASE WHEN ${w} THEN 'wide' ELSE 'none' END` : undefined)})`,
    () => ({ kind: 'JSON' }),
  ]),
  scalar('TO_JSON_STRING', [
    'ANY[, BOOL] -> STRING',
    ([s, p], call) => {
      const json = toJson(s!, call, "'text'");
      return p ? `CASE WHEN ${p} THEN gs_json_pretty(${json}) ELSE ${json} END` : json;
    },
  ]),
  scalar('JSON_TYPE', ['JSON -> STRING', 'gs_json_type($1)']),
  scalar('INT64', ['JSON -> INT64', 'gs_json_int($1)']),
  scalar('FLOAT64', ['JSON[, wide_number_mode STRING] -> FLOAT64', ([j, m]) => `gs_json_float(${j}, ${m ?? "'round'"})`]),
  scalar('BOOL', ['JSON -> BOOL', 'gs_json_bool($1)']),
  scalar('LAX_INT64', ['JSON -> INT64', 'gs_lax_int($1)']),
  scalar('LAX_FLOAT64', ['JSON -> FLOAT64', 'gs_lax_float($1)']),
  scalar('LAX_BOOL', ['JSON -> BOOL', 'gs_lax_bool($1)']),
  scalar('LAX_STRING', ['JSON -> STRING', 'gs_lax_string($1)']),
  scalar('INT64_ARRAY', ['JSON -> ARRAY<INT64>', "CAST(gs_json_strict_array($1, 'INT64') AS BIGINT[])"]),
  scalar('FLOAT64_ARRAY', ['JSON -> ARRAY<FLOAT64>', "CAST(gs_json_strict_array($1, 'FLOAT64') AS DOUBLE[])"]),
  scalar('BOOL_ARRAY', ['JSON -> ARRAY<BOOL>', "CAST(gs_json_strict_array($1, 'BOOL') AS BOOLEAN[])"]),
  scalar('STRING_ARRAY', ['JSON -> ARRAY<STRING>', "gs_json_strict_array($1, 'STRING')"]),
  scalar('JSON_ARRAY', [
    'ANY... -> JSON',
    (sql, call) => `gs_json_array(CAST([${sql.map((s, i) => value(s, call, i)).join(', ')}] AS VARCHAR[]))`,
  ]),
  scalar('JSON_OBJECT', [
    'ANY... -> JSON',
    (sql, call) => {
      if (sql.length === 2 && call.args[0]!.type.kind === 'ARRAY' && call.args[1]!.type.kind === 'ARRAY') {
        const element = (call.args[1]!.type as { element: Call['args'][number]['type'] }).element;
        const inner = `coalesce(gs_to_json(${asText('gs_o', element)}, '${shapeJson(element).replaceAll("'", "''")}', 'none'), 'null')`;
        return `gs_json_object(${sql[0]}, list_transform(${sql[1]}, lambda gs_o: ${element.kind === 'JSON' ? "coalesce(gs_o, 'null')" : inner}))`;
      }
      if (sql.length % 2 === 1) throw call.fault('No matching signature for function JSON_OBJECT: an even number of arguments is needed');
      const keys = sql.filter((_, i) => i % 2 === 0);
      for (let i = 0; i < sql.length; i += 2)
        if (call.args[i]!.type.kind !== 'STRING') throw call.fault('Keys of JSON_OBJECT must be of type STRING', i);
      const values = sql.map((s, i) => (i % 2 === 1 ? value(s, call, i) : '')).filter((_, i) => i % 2 === 1);
      return `gs_json_object(CAST([${keys.join(', ')}] AS VARCHAR[]), CAST([${values.join(', ')}] AS VARCHAR[]))`;
    },
  ]),
  edit('JSON_SET', 'gs_json_set', 'create_if_missing'),
  scalar('JSON_REMOVE', ['JSON, STRING, STRING... -> JSON', (sql) => sql.slice(1).reduce((j, p) => `gs_json_remove(${j}, ${p})`, sql[0]!)]),
  edit('JSON_ARRAY_APPEND', 'gs_json_append', 'append_each_element'),
  edit('JSON_ARRAY_INSERT', 'gs_json_insert', 'insert_each_element'),
  scalar('JSON_STRIP_NULLS', [
    'JSON[, STRING, include_arrays BOOL, remove_empty BOOL] -> JSON',
    ([j, p, a, e], call) =>
      `gs_json_strip_nulls(${j}, ${p && !call.args[1]!.untyped ? p : "'$'"}, ${a && !call.args[2]!.untyped ? a : 'true'}, ${e ?? 'false'})`,
  ]),
  scalar('JSON_KEYS', [
    'JSON[, INT64, mode STRING] -> ARRAY<STRING>',
    ([j, d, m], call) => `gs_json_keys(${j}, ${d && !call.args[1]!.untyped ? d : '1000::BIGINT'}, ${m ?? "'strict'"})`,
  ]),
];
