/** INSERT, UPDATE, DELETE and TRUNCATE. */

import { packStruct } from '../analyze/convert.ts';
import { analyze } from '../analyze/expression.ts';
import { analyzeFrom } from '../analyze/from.ts';
import { want } from '../analyze/operator.ts';
import type { Scope } from '../analyze/scope.ts';
import { render } from '../analyze/subquery.ts';
import { conjunctsOf, raw, type Typed } from '../analyze/typed.ts';
import type { Env } from '../analyze/unit.ts';
import type { Column, CompiledDml, SqlType } from '../contract.ts';
import type { SetItem, Statement } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { BOOL, fieldName, formatType, quote } from '../sql-type.ts';
import { duckSql, readsOf } from './output.ts';
import { assigned, columnList, columnOf, defaultOf, partitionId, storedColumns, type Target, targetOf, valueFor } from './write.ts';

type Dml = Extract<Statement, { k: 'insert' | 'update' | 'delete' | 'truncate' }>;
export const TOO_MANY = 'UPDATE/MERGE must match at most one source row for each target row';

export function dml(statement: Dml, env: Env): CompiledDml {
  switch (statement.k) {
    case 'insert':
      return insert(statement, env);
    case 'update':
      return update(statement, env);
    case 'delete':
      return remove(statement, env);
    case 'truncate': {
      const target = targetOf(statement.target, undefined, statement.at, env);
      const where = target.filter ? ` WHERE ${target.filter}` : '';
      return {
        kind: 'truncate',
        target: target.table,
        statements: [{ effect: 'deleted', sql: duckSql(`DELETE FROM ${target.physical} AS ${target.alias}${where}`, env) }],
        prechecks: [],
        insertsOnly: false,
        reads: readsOf(env),
      };
    }
  }
}

function insert(statement: Extract<Dml, { k: 'insert' }>, env: Env): CompiledDml {
  const target = targetOf(statement.target, undefined, statement.at, env);
  const { table } = target;
  const named = statement.columns ? statement.columns.map((name) => columnOf(table, name, statement.at)) : [...table.columns];
  const twice = named.find((c, i) => named.indexOf(c) !== i);
  if (twice) throw new SyntaxFault(`INSERT has columns with duplicate name: ${twice.name}`, statement.at);
  const others = storedColumns(table).filter((c) => !named.some((n) => n.name === c.name));
  const defaults = others.map((c) => defaultOf(c, env, statement.at));
  const columns = columnList([...named, ...others]);
  let source: string;
  if (statement.rows) {
    const rows = statement.rows.map((row) => {
      if (row.length !== named.length) {
        throw new SyntaxFault(
          `Inserted row has wrong column count; Has ${row.length}, expected ${named.length}`,
          row[0]?.at ?? statement.at,
        );
      }
      return `(${[...row.map((node, i) => valueFor(node, named[i]!, env)), ...defaults].join(', ')})`;
    });
    source = `VALUES ${rows.join(', ')}`;
  } else {
    const relation = env.unit.compileQuery(statement.query!, env);
    if (relation.columns.length !== named.length) {
      throw new SyntaxFault(
        `Inserted row has wrong column count; Has ${relation.columns.length}, expected ${named.length}`,
        statement.query!.at,
      );
    }
    const values = relation.columns.map((c, i) =>
      assigned({ type: c.type, sql: `gs_q.${c.sql}`, ...(c.untyped && { untyped: true }) }, named[i]!, statement.query!.at),
    );
    source = `SELECT ${[...values, ...defaults].join(', ')} FROM (${render(relation)}) AS gs_q`;
  }
  return {
    kind: 'insert',
    target: table,
    statements: [{ effect: 'inserted', sql: duckSql(`INSERT INTO ${target.physical} (${columns}) ${source}`, env) }],
    prechecks: [],
    insertsOnly: true,
    reads: readsOf(env),
  };
}

/** `a = 1, s.x = 2, s.y = 3`: one SQL value per column, nested assignments folded into the struct. */
export function assignments(items: readonly SetItem[], target: Target, env: Env): { column: Column; sql: string }[] {
  const byColumn = new Map<string, { column: Column; items: { path: readonly string[]; item: SetItem }[] }>();
  const names = new Set<string>();
  for (const item of items) {
    const range = target.scope.ranges[0]!.alias?.toLowerCase();
    const path =
      item.path.length > 1 && item.path[0]!.toLowerCase() === range && !target.table.columns.some((c) => c.name.toLowerCase() === range)
        ? item.path.slice(1)
        : item.path;
    const column = columnOf(target.table, path[0]!, item.at);
    const full = path.join('.').toLowerCase();
    for (const other of names) {
      if (full === other || full.startsWith(`${other}.`) || other.startsWith(`${full}.`))
        throw new SyntaxFault(`Update item ${path.join('.')} assigned more than once`, item.at);
    }
    names.add(full);
    const entry = byColumn.get(column.name) ?? { column, items: [] };
    entry.items.push({ path: path.slice(1), item });
    byColumn.set(column.name, entry);
  }
  return [...byColumn.values()].map(({ column, items: own }) => {
    if (own.length === 1 && own[0]!.path.length === 0) return { column, sql: valueFor(own[0]!.item.value, column, env, 'assigned to') };
    const current = raw(column.type, `${target.alias}.${quote(column.name)}`);
    return { column, sql: fold(current, column, own, env) };
  });
}

function fold(current: Typed, column: Column, items: readonly { path: readonly string[]; item: SetItem }[], env: Env): string {
  const { type } = current;
  if (type.kind !== 'STRUCT')
    throw new SyntaxFault(`Cannot access field ${items[0]!.path[0]} on a value with type ${formatType(type)}`, items[0]!.item.at);
  for (const { path, item } of items) {
    if (!type.fields.some((f) => f.name.toLowerCase() === path[0]!.toLowerCase()))
      throw new SyntaxFault(`Field name ${path[0]} does not exist in ${formatType(type)}`, item.at);
  }
  const fields = type.fields.map((field, i) => {
    const own = items
      .filter(({ path }) => path[0]!.toLowerCase() === field.name.toLowerCase())
      .map(({ path, item }) => ({ path: path.slice(1), item }));
    const before = raw(field.type, `struct_extract(${current.sql}, '${fieldName(type.fields, i).replaceAll("'", "''")}')`);
    if (own.length === 0) return { sql: before.sql };
    if (own.length === 1 && own[0]!.path.length === 0)
      return { sql: valueFor(own[0]!.item.value, { name: `${column.name}.${field.name}`, type: field.type }, env, 'assigned to') };
    return { sql: fold(before, column, own, env) };
  });
  return packStruct(type as SqlType & { kind: 'STRUCT' }, fields);
}

function partitions(target: Target, from: string, where: string, env: Env) {
  const id = partitionId(target.table, target.alias);
  return id ? { partitions: duckSql(`SELECT DISTINCT ${id} AS id FROM ${target.physical} AS ${target.alias}${from}${where}`, env) } : {};
}

function update(statement: Extract<Dml, { k: 'update' }>, env: Env): CompiledDml {
  if (!statement.where) throw new SyntaxFault('UPDATE must have a WHERE clause', statement.at);
  const target = targetOf(statement.target, statement.alias, statement.at, env);
  const source = statement.from ? analyzeFrom(statement.from, { ...env, scope: { ...target.scope } }, env.unit.compileQuery) : undefined;
  const scope: Scope = source
    ? {
        parent: undefined,
        ranges: [...target.scope.ranges, ...source.scope.ranges],
        columns: [...target.scope.columns, ...source.scope.columns],
      }
    : target.scope;
  env.unit.scans.add(target.table, target.alias);
  const inner: Env = { ...env, scope, noAggregates: 'UPDATE', noWindows: 'UPDATE' };
  const set = assignments(statement.set, target, inner);
  const condition = want(analyze(statement.where, inner), BOOL, statement.where.at, 'WHERE clause');
  env.unit.scans.filter(conjunctsOf(condition));
  const where = ` WHERE ${target.filter ? `${target.filter} AND ` : ''}${condition.sql}`;
  const list = set.map(({ column, sql }) => `${quote(column.name)} = ${sql}`).join(', ');
  const from = source ? ` FROM ${source.sql}` : '';
  const cross = source ? `, ${source.sql}` : '';
  return {
    kind: 'update',
    target: target.table,
    statements: [{ effect: 'updated', sql: duckSql(`UPDATE ${target.physical} AS ${target.alias} SET ${list}${from}${where}`, env) }],
    prechecks: source
      ? [
          {
            sql: duckSql(
              `SELECT 1 FROM ${target.physical} AS ${target.alias}${cross}${where} GROUP BY ${target.alias}.rowid HAVING count(*) > 1 LIMIT 1`,
              env,
            ),
            message: TOO_MANY,
          },
        ]
      : [],
    ...partitions(target, cross, where, env),
    insertsOnly: false,
    reads: readsOf(env),
  };
}

function remove(statement: Extract<Dml, { k: 'delete' }>, env: Env): CompiledDml {
  if (!statement.where) throw new SyntaxFault('DELETE must have a WHERE clause', statement.at);
  const target = targetOf(statement.target, statement.alias, statement.at, env);
  env.unit.scans.add(target.table, target.alias);
  const inner: Env = { ...env, scope: target.scope, noAggregates: 'DELETE', noWindows: 'DELETE' };
  const condition = want(analyze(statement.where, inner), BOOL, statement.where.at, 'WHERE clause');
  env.unit.scans.filter(conjunctsOf(condition));
  const where = ` WHERE ${target.filter ? `${target.filter} AND ` : ''}${condition.sql}`;
  return {
    kind: 'delete',
    target: target.table,
    statements: [{ effect: 'deleted', sql: duckSql(`DELETE FROM ${target.physical} AS ${target.alias}${where}`, env) }],
    prechecks: [],
    ...partitions(target, '', where, env),
    insertsOnly: false,
    reads: readsOf(env),
  };
}
