/**
 * Names in force at a place of a query.
 *
 * 1. A scope sees its own range variables and columns first, then its parent's (correlation).
 * 2. A range variable hides a column of the same name.
 * 3. After GROUP BY a scope gives out only what `grouped` maps: every path to a column goes through it.
 */
import type { SqlType } from '../contract.ts';
import { nearest } from '../nearest.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { fieldName, quote, structOf } from '../sql-type.ts';
import { raw, type Typed } from './typed.ts';

export interface ScopeColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly sql: string;
  /** Called when the column is used: for the list of columns read. */
  readonly used?: () => void;
  /** Pseudo-columns are found by name but not by `*`. */
  readonly hidden?: boolean;
}
export interface RangeVariable {
  readonly alias: string | undefined;
  readonly columns: readonly ScopeColumn[];
  /** The element of a value table (UNNEST): the range variable stands for it. */
  readonly value?: Typed;
  /** Of WITH OFFSET: a name that several arrays of one FROM may share, as long as nobody asks whose it is. */
  readonly offset?: true;
}
export interface Scope {
  readonly parent: Scope | undefined;
  readonly ranges: readonly RangeVariable[];
  /** What `*` expands to and what unqualified names find. USING merges columns here. */
  readonly columns: readonly ScopeColumn[];
  readonly grouped?: (value: Typed) => Typed | undefined;
  /** What stands to the left in the same FROM: arrays see it, subqueries do not. */
  readonly siblings?: true;
}

/** What stands in FROM: its text and what it offers. */
export interface Source {
  readonly sql: string;
  readonly scope: Scope;
  /** The alias that all its columns go by, if there is one. */
  readonly name?: string;
  /** Right side of a join that refers to the left one. */
  readonly lateral?: boolean;
  /** Of an array: its elements as further columns of the relation of that name, if it looks at nothing else. */
  readonly within?: (name: string) => { readonly columns: string; readonly scope: Scope } | undefined;
}

export const emptyScope = (parent?: Scope): Scope => ({ parent, ranges: [], columns: [] });
const same = (a: string | undefined, b: string) => a !== undefined && a.toLowerCase() === b.toLowerCase();

export function take(column: ScopeColumn): Typed {
  column.used?.();
  return { type: column.type, sql: column.sql, name: column.name };
}

export function fieldOf(value: Typed, name: string, at: number): Typed | undefined {
  if (value.type.kind !== 'STRUCT') return undefined;
  const { fields } = value.type;
  const i = fields.findIndex((f) => same(f.name, name));
  if (i < 0) return undefined;
  if (fields.findLastIndex((f) => same(f.name, name)) > i) throw new SyntaxFault(`Struct field name ${name} is ambiguous`, at);
  const item = value.items?.[i];
  if (item) return { ...item, type: fields[i]!.type, name: fields[i]!.name };
  return {
    type: fields[i]!.type,
    sql: `struct_extract(${value.sql}, '${fieldName(fields, i).replaceAll("'", "''")}')`,
    name: fields[i]!.name,
  };
}

/** A row of a range variable as a STRUCT. */
export function rowOf(range: RangeVariable): Typed {
  if (range.value) return range.value;
  const visible = range.columns.filter((c) => !c.hidden);
  const type = structOf(visible.map((c) => ({ name: c.name, type: c.type })));
  for (const c of visible) c.used?.();
  const fields = type.kind === 'STRUCT' ? visible.map((c, i) => `${quote(fieldName(type.fields, i))} := ${c.sql}`) : [];
  return raw(type, `struct_pack(${fields.join(', ')})`);
}

interface Found {
  readonly value: Typed;
  readonly rest: readonly string[];
}
/** The longest reading of `path` in this scope alone; `rest` are fields still to be taken. */
function findHere(scope: Scope, path: readonly string[], at: number): Found | undefined {
  const head = path[0]!;
  const range = scope.ranges.filter((r) => same(r.alias, head));
  if (range.length > 1) throw new SyntaxFault(`Table name ${head} is ambiguous`, at);
  if (range.length === 1) {
    const variable = range[0]!;
    if (variable.value) return { value: { ...variable.value, name: variable.alias! }, rest: path.slice(1) };
    if (path.length === 1) return { value: { ...rowOf(variable), name: variable.alias! }, rest: [] };
    const columns = variable.columns.filter((c) => same(c.name, path[1]!));
    if (columns.length > 1) throw new SyntaxFault(`Column name ${path[1]} is ambiguous`, at);
    if (columns.length === 0) {
      const hint = nearest(
        path[1]!,
        variable.columns.map((c) => c.name),
      );
      throw new SyntaxFault(`Name ${path[1]} not found inside ${head}${hint ? `; Did you mean ${hint}?` : ''}`, at);
    }
    return { value: take(columns[0]!), rest: path.slice(2) };
  }
  const columns = scope.columns.filter((c) => same(c.name, head));
  if (columns.length > 1) throw new SyntaxFault(`Column name ${head} is ambiguous`, at);
  if (columns.length === 1) return { value: take(columns[0]!), rest: path.slice(1) };
  return undefined;
}

function descend(value: Typed, rest: readonly string[], at: number): { value: Typed; rest: readonly string[] } {
  let current = value;
  let left = rest;
  while (left.length > 0 && current.type.kind === 'STRUCT') {
    const next = fieldOf(current, left[0]!, at);
    if (!next) throw new SyntaxFault(`Field name ${left[0]} does not exist in ${describe(current.type)}`, at);
    current = next;
    left = left.slice(1);
  }
  return { value: current, rest: left };
}
function describe(type: SqlType): string {
  return type.kind === 'STRUCT' ? `STRUCT<${type.fields.map((f) => f.name).join(', ')}>` : type.kind;
}

/** Resolves a dotted name; what is left over (access into JSON, say) is returned as `rest`. */
export function resolve(
  scope: Scope | undefined,
  path: readonly string[],
  at: number,
): { value: Typed; rest: readonly string[] } | undefined {
  for (let s = scope; s; s = s.parent) {
    if (!s.grouped) {
      const found = findHere(s, path, at);
      if (found) return descend(found.value, found.rest, at);
      continue;
    }
    let reached = false;
    for (let length = path.length; length > 0; length--) {
      let found: Found | undefined;
      try {
        found = findHere(s, path.slice(0, length), at);
      } catch (error) {
        if (length === path.length) throw error;
        continue;
      }
      if (!found) continue;
      reached = true;
      const part = descend(found.value, found.rest, at);
      if (part.rest.length > 0) continue;
      const mapped = s.grouped(part.value);
      if (mapped) return descend({ ...mapped, ...(part.value.name !== undefined && { name: part.value.name }) }, path.slice(length), at);
    }
    if (reached)
      throw new SyntaxFault(`SELECT list expression references column ${path.at(-1)} which is neither grouped nor aggregated`, at);
  }
  return undefined;
}

export function visibleNames(scope: Scope | undefined): string[] {
  const names: string[] = [];
  for (let s = scope; s; s = s.parent) {
    for (const r of s.ranges) if (r.alias) names.push(r.alias);
    for (const c of s.columns) names.push(c.name);
  }
  return names;
}

/** A value table: the alias is the value, the fields of a struct are columns. */
export function valueScope(value: Typed, alias: string | undefined, extra: readonly ScopeColumn[], parent: Scope): Scope {
  const { type } = value;
  const columns: ScopeColumn[] =
    type.kind === 'STRUCT'
      ? type.fields.map((f, i) => ({
          name: f.name,
          type: f.type,
          sql: `struct_extract(${value.sql}, '${fieldName(type.fields, i).replaceAll("'", "''")}')`,
        }))
      : [{ name: alias ?? '', type, sql: value.sql }];
  const ranges: RangeVariable[] = [{ alias, columns, value }];
  for (const e of extra) ranges.push({ alias: e.name, columns: [e], value: raw(e.type, e.sql), offset: true });
  return { parent, ranges, columns: [...columns, ...extra] };
}
