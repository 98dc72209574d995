/** A query at the top of a statement: names for its columns, order kept, duplicates refused. */

import type { Env } from '../analyze/unit.ts';
import type { CompiledQuery } from '../contract.ts';
import type { Query } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { quote } from '../sql-type.ts';
import { duckSql, outputColumn, readsOf } from './output.ts';

export function query(node: Query, env: Env): CompiledQuery {
  const relation = env.unit.compileQuery(node, env);
  let anonymous = 0;
  const columns = relation.columns.map((c) => ({ name: c.name ?? (relation.value ? '' : `f${anonymous++}_`), type: c.type }));
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name } of columns) {
    const key = name.toLowerCase();
    if (seen.has(key)) twice.add(name);
    seen.add(key);
  }
  if (twice.size > 0) {
    throw new SyntaxFault(`Duplicate column names in the result are not supported. Found duplicate(s): ${[...twice].join(', ')}`, node.at);
  }
  const list = columns.map(
    (c, i) => `${outputColumn(`gs_q.${relation.columns[i]!.sql}`, c.type, c.name)} AS ${quote(c.name === '' ? 'value' : c.name)}`,
  );
  const order = relation.order.length > 0 ? ` ORDER BY ${relation.order.join(', ')}` : '';
  return {
    kind: 'query',
    sql: duckSql(`SELECT ${list.join(', ')} FROM (${relation.core}) AS gs_q${order}${relation.limit}`, env),
    columns,
    reads: readsOf(env),
    deterministic: env.unit.deterministic,
    ordered: relation.order.length > 0,
  };
}
