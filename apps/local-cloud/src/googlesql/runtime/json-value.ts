/**
 * JSON values with their numbers as written.
 * 1. Objects keep the order of their text; the first of two equal keys wins.
 * 2. `renderJson(sorted)` is the canonical text of the JSON type: no blanks, keys in byte order.
 */
import { EvaluationFault } from './define.ts';
import { floatText } from './numbers.ts';

export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export type Json = null | boolean | string | JsonNumber | readonly Json[] | ReadonlyMap<string, Json>;

const MAX_DEPTH = 500;

/** undefined: not JSON. */
export function parseJson(text: string): Json | undefined {
  let i = 0;
  const blanks = () => {
    while (i < text.length && ' \t\n\r'.includes(text[i]!)) i++;
  };
  const bad = Symbol('bad');
  const value = (depth: number): Json => {
    if (depth > MAX_DEPTH) throw bad;
    blanks();
    const c = text[i];
    if (c === '{') {
      const map = new Map<string, Json>();
      i++;
      blanks();
      if (text[i] === '}') {
        i++;
        return map;
      }
      for (;;) {
        blanks();
        if (text[i] !== '"') throw bad;
        const key = string();
        blanks();
        if (text[i++] !== ':') throw bad;
        const v = value(depth + 1);
        if (!map.has(key)) map.set(key, v);
        blanks();
        const d = text[i++];
        if (d === '}') return map;
        if (d !== ',') throw bad;
      }
    }
    if (c === '[') {
      const list: Json[] = [];
      i++;
      blanks();
      if (text[i] === ']') {
        i++;
        return list;
      }
      for (;;) {
        list.push(value(depth + 1));
        blanks();
        const d = text[i++];
        if (d === ']') return list;
        if (d !== ',') throw bad;
      }
    }
    if (c === '"') return string();
    for (const [word, v] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (text.startsWith(word, i)) {
        i += word.length;
        return v;
      }
    }
    const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    number.lastIndex = i;
    const found = number.exec(text);
    if (!found) throw bad;
    i += found[0].length;
    return new JsonNumber(found[0]);
  };
  const string = (): string => {
    const start = i++;
    while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
    if (i >= text.length) throw bad;
    i++;
    try {
      return JSON.parse(text.slice(start, i)) as string;
    } catch {
      throw bad;
    }
  };
  try {
    const out = value(0);
    blanks();
    return i === text.length ? out : undefined;
  } catch (error) {
    if (error === bad) return undefined;
    throw error;
  }
}

/** Numbers of the JSON type: 64-bit integers exactly, everything else as a double. */
export function canonicalNumber(text: string, mode: 'exact' | 'round'): string {
  if (/^-?\d+$/.test(text)) {
    const n = BigInt(text);
    if (n >= -(1n << 63n) && n < 1n << 64n) return n === 0n && text.startsWith('-') ? '-0.0' : n.toString();
  }
  const value = Number(text);
  if (!Number.isFinite(value)) throw new EvaluationFault(`Input number: ${text} cannot round-trip through string representation`);
  if (mode === 'exact' && !roundTrips(text, value))
    throw new EvaluationFault(`Input number: ${text} cannot round-trip through string representation`);
  const out = floatText(value);
  return /^-?\d+$/.test(out) ? `${out}.0` : out;
}
function roundTrips(text: string, value: number): boolean {
  const digits = (t: string) => {
    const [m, e = '0'] = t.toLowerCase().replace(/^-/, '').split('e') as [string, string?];
    const [whole, frac = ''] = m.split('.') as [string, string?];
    const all = (whole + frac).replace(/^0+/, '');
    const trimmed = all.replace(/0+$/, '');
    return trimmed === '' ? '0' : `${trimmed}e${Number(e) - frac.length + (all.length - trimmed.length)}`;
  };
  return digits(text) === digits(value.toExponential());
}

/** Line separators are escaped too: in JavaScript they would end a string. */
export function quoteJson(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
}

export function renderJson(v: Json, sorted: boolean, mode: 'exact' | 'round' | 'keep' = 'keep'): string {
  if (v === null) return 'null';
  if (typeof v === 'boolean') return String(v);
  if (typeof v === 'string') return quoteJson(v);
  if (v instanceof JsonNumber) return mode === 'keep' ? v.text : canonicalNumber(v.text, mode);
  if (Array.isArray(v)) return `[${v.map((e: Json) => renderJson(e, sorted, mode)).join(',')}]`;
  const entries = [...(v as ReadonlyMap<string, Json>)];
  if (sorted) entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${entries.map(([k, e]) => `${quoteJson(k)}:${renderJson(e, sorted, mode)}`).join(',')}}`;
}

type Step = string | number;
const paths = new Map<string, readonly Step[]>();
export function parsePath(path: string, legacy: boolean): readonly Step[] {
  const key = (legacy ? 'L' : 'S') + path;
  const known = paths.get(key);
  if (known) return known;
  const fail = () => new EvaluationFault(`Invalid JSONPath: ${JSON.stringify(path)}`);
  if (!path.startsWith('$')) throw new EvaluationFault("JSONPath must start with '$'");
  const steps: Step[] = [];
  let i = 1;
  while (i < path.length) {
    const rest = path.slice(i);
    const found =
      /^\.([A-Za-z0-9_\-$@\u0080-\uffff: ]+)/.exec(rest) ?? (legacy ? /^\['((?:[^'\\]|\\.)*)'\]/ : /^\."((?:[^"\\]|\\.)*)"/).exec(rest);
    if (found) {
      steps.push(found[1]!.replaceAll(/\\(.)/g, '$1'));
      i += found[0].length;
      continue;
    }
    const index = /^\[\s*(-?\d+)\s*\]/.exec(rest);
    if (!index) throw fail();
    steps.push(Number(index[1]));
    i += index[0].length;
  }
  if (paths.size < 2000) paths.set(key, steps);
  return steps;
}

export function follow(root: Json, steps: readonly Step[]): Json | undefined {
  let v: Json | undefined = root;
  for (const step of steps) {
    if (typeof v !== 'object' || v === null || v instanceof JsonNumber) return undefined;
    if (Array.isArray(v)) v = typeof step === 'number' ? (v as readonly Json[])[step] : undefined;
    else v = (v as ReadonlyMap<string, Json>).get(String(step));
    if (v === undefined) return undefined;
  }
  return v;
}
export const isObject = (v: Json | undefined): v is ReadonlyMap<string, Json> => v instanceof Map;
export const isArray = (v: Json | undefined): v is readonly Json[] => Array.isArray(v);
