/** The select list: expressions, `*` with EXCEPT and REPLACE, and the names that it gives. */
import type { SqlType } from '../contract.ts';
import type { Select, SelectItem } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { fieldName, formatType, structOf } from '../sql-type.ts';
import { packStruct } from './convert.ts';
import { analyze } from './expression.ts';
import { inferName } from './names.ts';
import { rowOf, take } from './scope.ts';
import { raw, type Typed } from './typed.ts';
import type { Env } from './unit.ts';

interface Item {
  readonly name: string | undefined;
  readonly value: Typed;
}

export function shape(select: Select, items: readonly Item[]): { outputs: readonly Item[]; value: boolean } {
  if (items.length === 0) throw new SyntaxFault('SELECT list must not be empty', select.at);
  if (select.as === 'STRUCT') {
    const type = structOf(items.map((i) => ({ name: i.name ?? '', type: i.value.type }))) as SqlType & { kind: 'STRUCT' };
    const values = items.map((i) => i.value);
    return { outputs: [{ name: undefined, value: { type, sql: packStruct(type, values) } }], value: true };
  }
  if (select.as === 'VALUE') {
    if (items.length !== 1) throw new SyntaxFault('SELECT AS VALUE query must have exactly one column', select.at);
    return { outputs: [{ ...items[0]!, name: undefined }], value: true };
  }
  return { outputs: items, value: false };
}

export function aliasMap(select: Select, items: readonly Item[]): Map<string, Typed | 'ambiguous'> {
  const map = new Map<string, Typed | 'ambiguous'>();
  const starred = select.items.some((i) => i.k === 'star');
  for (const item of items) {
    if (item.name === undefined) continue;
    const key = item.name.toLowerCase();
    const before = map.get(key);
    if (before !== undefined && (before === 'ambiguous' || before.sql !== item.value.sql)) map.set(key, 'ambiguous');
    else map.set(key, starred || item.value.name === undefined ? { ...item.value, name: item.name } : item.value);
  }
  return map;
}

export function selectItems(list: readonly SelectItem[], env: Env): Item[] {
  const out: Item[] = [];
  for (const item of list) {
    if (item.k === 'expr') {
      const value = analyze(item.of, env);
      out.push({ name: item.alias ?? inferName(item.of), value });
    } else out.push(...expandStar(item, env));
  }
  return out;
}

function expandStar(item: SelectItem & { k: 'star' }, env: Env): Item[] {
  let columns: Item[];
  if (item.of === undefined) {
    if (env.scope.columns.length === 0 && env.scope.ranges.length === 0) throw new SyntaxFault('SELECT * must have a FROM clause', item.at);
    const visible = env.scope.columns.filter((c) => !c.hidden);
    columns = visible.map((c) => ({ name: c.name === '' ? undefined : c.name, value: through(env, take(c), item.at) }));
  } else {
    const name = item.of.k === 'name' ? item.of.name.toLowerCase() : undefined;
    const range = name === undefined || env.locals?.has(name) ? undefined : env.scope.ranges.find((r) => r.alias?.toLowerCase() === name);
    if (range && !range.value) {
      columns = range.columns.filter((c) => !c.hidden).map((c) => ({ name: c.name, value: through(env, take(c), item.at) }));
    } else {
      const value = range ? rowOf(range) : analyze(item.of, env);
      const { type } = value;
      if (type.kind !== 'STRUCT') throw new SyntaxFault(`Dot-star is not supported for type ${formatType(type)}`, item.at);
      columns = type.fields.map((f, i) => ({
        name: f.name === '' ? undefined : f.name,
        value: raw(f.type, `struct_extract(${value.sql}, '${fieldName(type.fields, i).replaceAll("'", "''")}')`),
      }));
    }
  }
  const names = new Set(columns.map((c) => c.name?.toLowerCase()));
  for (const name of item.except)
    if (!names.has(name.toLowerCase())) throw new SyntaxFault(`Column ${name} in SELECT * EXCEPT list does not exist`, item.at);
  const except = new Set(item.except.map((e) => e.toLowerCase()));
  const left = columns.filter((c) => c.name === undefined || !except.has(c.name.toLowerCase()));
  if (left.length === 0) throw new SyntaxFault('SELECT * expands to zero columns after applying EXCEPT', item.at);
  const replace = new Map(item.replace.map((r) => [r.name.toLowerCase(), r]));
  for (const name of replace.keys())
    if (!names.has(name)) throw new SyntaxFault(`Column ${name} in SELECT * REPLACE list does not exist`, item.at);
  return left.map((c) => {
    const r = c.name === undefined ? undefined : replace.get(c.name.toLowerCase());
    return r ? { name: c.name, value: analyze(r.of, env) } : c;
  });
}

/** Above a GROUP BY a column of `*` must be a key. */
function through(env: Env, value: Typed, at: number): Typed {
  if (!env.scope.grouped) return value;
  const mapped = env.scope.grouped(value);
  if (!mapped)
    throw new SyntaxFault(`Star expansion expression references column ${value.name} which is neither grouped nor aggregated`, at);
  return mapped;
}
