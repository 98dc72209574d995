/** The JSON functions. The argument `typed` tells JSON values (canonical text) from STRINGs that may hold anything. */
import { EvaluationFault, type NativeFunction, native } from './define.ts';
import { isoInterval } from './interval.ts';
import {
  canonicalNumber,
  follow,
  isArray,
  isObject,
  type Json,
  JsonNumber,
  parseJson,
  parsePath,
  quoteJson,
  renderJson,
} from './json-value.ts';
import { floatText, textFloat, textInt } from './numbers.ts';

function at(text: string, path: string, mode: string): Json | undefined {
  const steps = parsePath(path, mode.includes('legacy'));
  const root = parseJson(text);
  return root === undefined ? undefined : follow(root, steps);
}
const scalarText = (v: Json | undefined): string | null => {
  if (v === undefined || v === null || isArray(v) || isObject(v)) return null;
  if (v instanceof JsonNumber) return v.text;
  return String(v);
};

const typeName = (v: Json): string =>
  v === null
    ? 'null'
    : typeof v === 'boolean'
      ? 'boolean'
      : typeof v === 'string'
        ? 'string'
        : v instanceof JsonNumber
          ? 'number'
          : isArray(v)
            ? 'array'
            : 'object';

function strict<T>(what: string, text: string, pick: (v: Json) => T | undefined): T {
  const v = parseJson(text) ?? null;
  const out = pick(v);
  if (out === undefined)
    throw new EvaluationFault(
      `The provided JSON ${v instanceof JsonNumber ? 'number' : 'input'}${v instanceof JsonNumber ? `: ${v.text}` : ''} ${v instanceof JsonNumber ? `cannot be converted to ${what === 'integer' ? 'an integer' : `a ${what}`}` : `is not ${what === 'integer' ? 'an integer' : `a ${what}`}`}`,
    );
  return out;
}
const asInt = (v: Json): bigint | undefined => {
  if (!(v instanceof JsonNumber)) return undefined;
  const n = Number(v.text);
  if (/^-?\d+$/.test(v.text)) return textInt(v.text);
  return Number.isInteger(n) && Math.abs(n) < 2 ** 63 ? BigInt(n) : undefined;
};
const asFloat = (v: Json, mode: string): number | undefined => {
  if (v === 'NaN') return Number.NaN;
  if (v === 'Infinity' || v === '-Infinity') return Number(v);
  if (!(v instanceof JsonNumber)) return undefined;
  const n = Number(v.text);
  if (mode === 'exact' && /^-?\d+$/.test(v.text) && BigInt(n) !== BigInt(v.text)) return undefined;
  return n;
};

/** Values of a column arrive as JSON with every scalar a string, beside the type's text: nothing is lost on the way. */
export type Shape = { k: string } | { k: 'ARRAY'; of: Shape } | { k: 'STRUCT'; fields: readonly [string, Shape][] };
export function toJson(value: unknown, shape: Shape, wide: 'none' | 'wide' | 'text'): string {
  if (value === null || value === undefined) return 'null';
  if (shape.k === 'ARRAY') return `[${(value as unknown[]).map((e) => toJson(e, (shape as { of: Shape }).of, wide)).join(',')}]`;
  if (shape.k === 'STRUCT') {
    const { fields } = shape as { fields: readonly [string, Shape][] };
    const values = Object.values(value as object);
    return `{${fields.map(([name, s], i) => `${quoteJson(name)}:${toJson(values[i], s, wide)}`).join(',')}}`;
  }
  const text = value as string;
  switch (shape.k) {
    case 'BOOL':
    case 'JSON':
      return text;
    case 'INT64':
      return wide !== 'none' && (BigInt(text) > 9007199254740992n || BigInt(text) < -9007199254740992n) ? quoteJson(text) : text;
    case 'INTERVAL':
      return quoteJson(isoInterval(text));
    case 'NUMERIC':
    case 'BIGNUMERIC':
      if (wide === 'text') return text.includes('.') || Math.abs(Number(text)) > 9007199254740992 ? quoteJson(text) : text;
      return wide === 'wide' && Number(text).toString() !== text ? quoteJson(text) : text;
    case 'FLOAT64': {
      if (text === 'nan') return '"NaN"';
      if (text === 'inf') return '"Infinity"';
      return text === '-inf' ? '"-Infinity"' : text;
    }
    case 'TIMESTAMP':
      return quoteJson(text.replace(' ', 'T').replace(/\+00$/, 'Z'));
    case 'DATETIME':
      return quoteJson(text.replace(' ', 'T'));
    default:
      return quoteJson(text);
  }
}
const shapes = new Map<string, Shape>();
export function shapeOf(text: string): Shape {
  let shape = shapes.get(text);
  if (!shape) {
    shape = JSON.parse(text) as Shape;
    if (shapes.size < 1000) shapes.set(text, shape);
  }
  return shape;
}

function pretty(v: Json, indent: string): string {
  const inner = `${indent}  `;
  if (isArray(v)) return v.length === 0 ? '[]' : `[\n${v.map((e) => inner + pretty(e, inner)).join(',\n')}\n${indent}]`;
  if (isObject(v))
    return v.size === 0 ? '{}' : `{\n${[...v].map(([k, e]) => `${inner}${quoteJson(k)}: ${pretty(e, inner)}`).join(',\n')}\n${indent}}`;
  return renderJson(v, false);
}

function edit(root: Json, steps: readonly (string | number)[], change: (old: Json | undefined) => Json | undefined, create: boolean): Json {
  if (steps.length === 0) return change(root) ?? null;
  const [step, ...rest] = steps as [string | number, ...(string | number)[]];
  const inside = (old: Json | undefined): Json | undefined => {
    if (rest.length === 0) return change(old);
    if (old === undefined || old === null) return create ? edit(null, rest, change, create) : old;
    return edit(old, rest, change, create);
  };
  if (root === null && create) root = typeof step === 'number' ? [] : new Map();
  if (typeof step === 'string' && isObject(root)) {
    const map = new Map(root);
    if (!map.has(step) && !create) return root;
    const v = inside(map.get(step));
    if (v === undefined) map.delete(step);
    else map.set(step, v);
    return map;
  }
  if (typeof step === 'number' && isArray(root)) {
    if (step >= root.length && !create) return root;
    const list = [...root];
    while (list.length < step) list.push(null);
    const v = inside(list[step]);
    if (v === undefined) list.splice(step, 1);
    else list[step] = v;
    return list;
  }
  return root;
}

function stripNulls(v: Json, arrays: boolean, empties: boolean): Json | undefined {
  if (v === null) return undefined;
  if (isArray(v)) {
    const list = v.map((e) => (e === null && !arrays ? e : stripNulls(e, arrays, empties))).filter((e) => e !== undefined);
    return empties && list.length === 0 ? undefined : list;
  }
  if (isObject(v)) {
    const map = new Map<string, Json>();
    for (const [k, e] of v) {
      const kept = stripNulls(e, arrays, empties);
      if (kept !== undefined) map.set(k, kept);
    }
    return empties && map.size === 0 ? undefined : map;
  }
  return v;
}

function keysOf(v: Json, depth: number, mode: string, prefix = '', out = new Set<string>()): Set<string> {
  if (isObject(v) && depth > 0) {
    for (const [k, e] of v) {
      const name = /^[A-Za-z_][A-Za-z0-9_]*$/.test(k) ? k : quoteJson(k);
      const full = prefix === '' ? name : `${prefix}.${name}`;
      out.add(full);
      keysOf(e, depth - 1, mode, full, out);
    }
  } else if (isArray(v) && mode !== 'strict')
    for (const e of v) if (mode === 'lax recursive' || !isArray(e)) keysOf(e, depth, mode, prefix, out);
  return out;
}

const lax = (text: string): Json => parseJson(text) ?? null;

export const jsonFunctions: readonly NativeFunction[] = [
  native('gs_parse_json', ['text', 'text'], 'text', (text: string, mode: 'exact' | 'round') => {
    const v = parseJson(text);
    if (v === undefined) throw new EvaluationFault(`Invalid input to PARSE_JSON: ${JSON.stringify(text.slice(0, 100))} is not valid JSON`);
    return renderJson(v, true, mode);
  }),
  native('gs_json_value', ['text', 'text', 'text'], 'text', (text: string, path: string, mode: string) => scalarText(at(text, path, mode))),
  native('gs_json_query', ['text', 'text', 'text'], 'text', (text: string, path: string, mode: string) => {
    const v = at(text, path, mode);
    if (v === undefined || (v === null && !mode.includes('typed'))) return null;
    return renderJson(v, false);
  }),
  native('gs_json_query_array', ['text', 'text', 'text'], 'texts', (text: string, path: string, mode: string) => {
    const v = at(text, path, mode);
    return isArray(v) ? v.map((e) => renderJson(e, false)) : null;
  }),
  native('gs_json_value_array', ['text', 'text', 'text'], 'texts', (text: string, path: string, mode: string) => {
    const v = at(text, path, mode);
    if (!isArray(v) || v.some((e) => isArray(e) || isObject(e))) return null;
    return v.map(scalarText);
  }),
  native('gs_json_member', ['text', 'text'], 'text', (text: string, name: string) => {
    const v = parseJson(text);
    const member = isObject(v) ? v.get(name) : undefined;
    return member === undefined ? null : renderJson(member, false);
  }),
  native('gs_json_element', ['text', 'int'], 'text', (text: string, i: bigint) => {
    const v = parseJson(text);
    const element = isArray(v) ? v[Number(i)] : undefined;
    return element === undefined ? null : renderJson(element, false);
  }),
  native('gs_json_type', ['text'], 'text', (text: string) => typeName(parseJson(text) ?? null)),
  native('gs_json_int', ['text'], 'int', (text: string) => strict('integer', text, asInt)),
  native('gs_json_float', ['text', 'text'], 'float', (text: string, mode: string) => strict('double', text, (v) => asFloat(v, mode))),
  native('gs_json_bool', ['text'], 'bool', (text: string) => strict('boolean', text, (v) => (typeof v === 'boolean' ? v : undefined))),
  native('gs_json_string', ['text'], 'text', (text: string) => strict('string', text, (v) => (typeof v === 'string' ? v : undefined))),
  native('gs_json_strict_array', ['text', 'text'], 'texts', (text: string, kind: string) => {
    const v = parseJson(text);
    if (!isArray(v)) throw new EvaluationFault('The provided JSON input is not an array');
    return v.map((e) => {
      const out =
        kind === 'INT64'
          ? asInt(e)
          : kind === 'FLOAT64'
            ? asFloat(e, 'round')
            : kind === 'BOOL'
              ? typeof e === 'boolean'
                ? e
                : undefined
              : typeof e === 'string'
                ? e
                : undefined;
      if (out === undefined) throw new EvaluationFault(`The provided JSON input is not an array of ${kind}`);
      return typeof out === 'number' ? floatText(out) : String(out);
    });
  }),
  native('gs_lax_int', ['text'], 'int', (text: string) => {
    const v = lax(text);
    if (typeof v === 'boolean') return v ? 1n : 0n;
    const n =
      v instanceof JsonNumber ? (textInt(v.text) ?? Number(v.text)) : typeof v === 'string' ? (textInt(v) ?? textFloat(v)) : undefined;
    if (typeof n === 'bigint') return n;
    if (n === undefined || !Number.isFinite(n) || Math.abs(n) >= 2 ** 63) return null;
    return BigInt(Math.sign(n) * Math.round(Math.abs(n)));
  }),
  native('gs_lax_float', ['text'], 'float', (text: string) => {
    const v = lax(text);
    if (v instanceof JsonNumber) return Number(v.text);
    return typeof v === 'string' ? (textFloat(v) ?? null) : null;
  }),
  native('gs_lax_bool', ['text'], 'bool', (text: string) => {
    const v = lax(text);
    if (typeof v === 'boolean') return v;
    if (v instanceof JsonNumber) return Number(v.text) !== 0;
    return typeof v === 'string' && /^(true|false)$/i.test(v) ? v.toLowerCase() === 'true' : null;
  }),
  native('gs_lax_string', ['text'], 'text', (text: string) => {
    const v = lax(text);
    return v instanceof JsonNumber ? canonicalText(v.text) : scalarText(v);
  }),
  native('gs_json_escapes', ['text'], 'text', (json: string) =>
    json.replace(/\\(?:u[\dA-F]{4}|[^u])|[\u2028\u2029]/g, (found) =>
      found.length === 6 ? found.toLowerCase() : found.length === 1 ? `\\u${found.charCodeAt(0).toString(16)}` : found,
    ),
  ),
  native('gs_to_json', ['text', 'text', 'text'], 'text', (transport: string, shape: string, wide: 'none' | 'wide' | 'text') =>
    toJson(JSON.parse(transport), shapeOf(shape), wide),
  ),
  native('gs_json_sorted', ['text'], 'text', (text: string) => renderJson(parseJson(text) ?? null, true, 'round')),
  native('gs_json_pretty', ['text'], 'text', (text: string) => pretty(parseJson(text) ?? null, '')),
  native('gs_json_set', ['text', 'text', 'text', 'bool'], 'text', (text: string, path: string, value: string, create: boolean) =>
    renderJson(
      edit(lax(text), parsePath(path, false), () => lax(value), create),
      true,
    ),
  ),
  native('gs_json_remove', ['text', 'text'], 'text', (text: string, path: string) => {
    const steps = parsePath(path, false);
    if (steps.length === 0) throw new EvaluationFault("Invalid input to JSON_REMOVE: The JSONPath cannot be '$'");
    return renderJson(
      edit(lax(text), steps, () => undefined, false),
      true,
    );
  }),
  native('gs_json_append', ['text', 'text', 'text', 'bool'], 'text', (text: string, path: string, value: string, each: boolean) => {
    const v = lax(value);
    const added = each && isArray(v) ? v : [v];
    return renderJson(
      edit(lax(text), parsePath(path, false), (old) => (isArray(old) ? [...old, ...added] : old === null ? [...added] : old), false),
      true,
    );
  }),
  native('gs_json_insert', ['text', 'text', 'text', 'bool'], 'text', (text: string, path: string, value: string, each: boolean) => {
    const steps = parsePath(path, false);
    const last = steps.at(-1);
    // A path to no array position changes nothing.
    if (typeof last !== 'number') return renderJson(lax(text), true);
    const v = lax(value);
    const added = each && isArray(v) ? v : [v];
    return renderJson(
      edit(
        lax(text),
        steps.slice(0, -1),
        (old) => {
          if (!isArray(old) && old !== null) return old;
          const list = [...((old as readonly Json[] | null) ?? [])];
          while (list.length < last) list.push(null);
          list.splice(last, 0, ...added);
          return list;
        },
        false,
      ),
      true,
    );
  }),
  native('gs_json_strip_nulls', ['text', 'text', 'bool', 'bool'], 'text', (text: string, path: string, arrays: boolean, empties: boolean) =>
    renderJson(
      edit(lax(text), parsePath(path, false), (old) => (old === undefined ? undefined : (stripNulls(old, arrays, empties) ?? null)), false),
      true,
    ),
  ),
  native('gs_json_keys', ['text', 'int', 'text'], 'texts', (text: string, depth: bigint, mode: string) =>
    [...keysOf(lax(text), Number(depth), mode)].sort(),
  ),
  native('gs_json_array', ['texts'], 'text', (items: readonly (string | null)[]) => `[${items.map((e) => e ?? 'null').join(',')}]`),
  native('gs_json_object', ['texts', 'texts'], 'text', (keys: readonly (string | null)[], values: readonly (string | null)[]) => {
    if (keys.length !== values.length) throw new EvaluationFault('The number of keys and values must match in JSON_OBJECT');
    const map = new Map<string, Json>();
    for (const [i, k] of keys.entries()) {
      if (k === null) throw new EvaluationFault('A key cannot be NULL in JSON_OBJECT');
      if (!map.has(k)) map.set(k, lax(values[i] ?? 'null'));
    }
    return renderJson(map, true);
  }),
];
function canonicalText(text: string): string {
  const n = canonicalNumber(text, 'round');
  return n.endsWith('.0') ? n.slice(0, -2) : n;
}
