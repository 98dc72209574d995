/** UNION, INTERSECT and EXCEPT, by position and by name. */
import type { SqlType } from '../contract.ts';
import { commonType, costOf } from '../functions/signature.ts';
import type { QueryBody } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { formatType } from '../sql-type.ts';
import { coerce } from './convert.ts';
import { render } from './subquery.ts';
import type { Typed } from './typed.ts';
import type { CompileBody, Env, OutColumn, Relation } from './unit.ts';

/** A relation's SELECT with its columns converted to `types`. */
export function align(relation: Relation, types: readonly SqlType[], op: string, at: number): string {
  const values = relation.columns.map((c, i) => {
    const value: Typed = { ...columnValue(c), sql: `gs_a.${c.sql}` };
    if (costOf(value, types[i]!) === undefined) {
      throw new SyntaxFault(`Column ${i + 1} in ${op} has incompatible types: ${formatType(types[i]!)}, ${formatType(c.type)}`, at);
    }
    return { before: value.sql, sql: coerce(value, types[i]!).sql };
  });
  if (values.every((v) => v.before === v.sql)) return render(relation);
  return `SELECT ${values.map((v, i) => `${v.sql} AS c${i + 1}`).join(', ')} FROM (${render(relation)}) AS gs_a`;
}

export function compileSet(body: QueryBody & { k: 'set' }, env: Env, compile: CompileBody): Relation {
  let left = compile(body.left, env);
  let right = compile(body.right, env);
  if (body.byName) ({ left, right } = byName(left, right, body.byName, body.op, body.at));
  if (left.columns.length !== right.columns.length) {
    throw new SyntaxFault(
      `Queries in ${body.op} have mismatched column count; query 1 has ${left.columns.length} columns, query 2 has ${right.columns.length} columns`,
      body.right.at,
    );
  }
  const types = left.columns.map((c, i) => {
    const r = right.columns[i]!;
    const type = commonType([columnValue(c), columnValue(r)]);
    if (!type)
      throw new SyntaxFault(
        `Column ${i + 1} in ${body.op} has incompatible types: ${formatType(c.type)}, ${formatType(r.type)}`,
        body.right.at,
      );
    return type;
  });
  const operator = {
    'UNION ALL': 'UNION ALL',
    'UNION DISTINCT': 'UNION',
    'INTERSECT DISTINCT': 'INTERSECT',
    'EXCEPT DISTINCT': 'EXCEPT',
    'INTERSECT ALL': 'INTERSECT ALL',
    'EXCEPT ALL': 'EXCEPT ALL',
  }[body.op];
  const core = `(${align(left, types, body.op, body.at)}) ${operator} (${align(right, types, body.op, body.at)})`;
  return {
    core,
    columns: left.columns.map((c, i) => ({
      name: c.name,
      type: types[i]!,
      sql: `c${i + 1}`,
      ...(c.untyped && right.columns[i]!.untyped && { untyped: true }),
      ...(c.emptyArray && right.columns[i]!.emptyArray && { emptyArray: true }),
    })),
    order: [],
    limit: '',
    value: left.value,
    hidden: false,
  };
}

const columnValue = (c: OutColumn): Typed => ({
  type: c.type,
  sql: c.sql,
  ...(c.untyped && { untyped: true }),
  ...(c.emptyArray && { emptyArray: true }),
  ...(c.literal !== undefined && { literal: c.literal }),
  ...(c.digits !== undefined && { digits: c.digits }),
});

function byName(
  left: Relation,
  right: Relation,
  mode: NonNullable<(QueryBody & { k: 'set' })['byName']>,
  op: string,
  at: number,
): { left: Relation; right: Relation } {
  const lower = (r: Relation) => r.columns.map((c) => c.name?.toLowerCase() ?? '');
  const l = lower(left);
  const r = lower(right);
  let names: string[];
  if (mode.on) names = mode.on.map((n) => n.toLowerCase());
  else if (mode.mode === 'INNER') names = l.filter((n) => r.includes(n));
  else if (mode.mode === 'LEFT') names = l;
  else if (mode.mode === 'FULL') names = [...l, ...r.filter((n) => !l.includes(n))];
  else {
    const odd = [...l.filter((n) => !r.includes(n)), ...r.filter((n) => !l.includes(n))];
    if (odd.length > 0)
      throw new SyntaxFault(
        `${op} BY NAME requires all input queries to have identical column names, but ${odd[0]} does not appear in both`,
        at,
      );
    names = l;
  }
  if (names.length === 0) throw new SyntaxFault(`${op} BY NAME has no columns in common`, at);
  const pick = (relation: Relation, own: readonly string[], other: Relation, others: readonly string[]): Relation => {
    const columns: OutColumn[] = [];
    const list = names.map((name, i) => {
      const at = own.indexOf(name);
      const column = relation.columns[at];
      const model = column ?? other.columns[others.indexOf(name)]!;
      columns.push({ name: model.name, type: model.type, sql: `c${i + 1}`, ...((!column || column.untyped) && { untyped: true }) });
      return `${column ? `gs_b.${column.sql}` : 'NULL'} AS c${i + 1}`;
    });
    return {
      core: `SELECT ${list.join(', ')} FROM (${render(relation)}) AS gs_b`,
      columns,
      order: [],
      limit: '',
      value: false,
      hidden: false,
    };
  };
  return { left: pick(left, l, right, r), right: pick(right, r, left, l) };
}
