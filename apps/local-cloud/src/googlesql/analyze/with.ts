/** WITH and WITH RECURSIVE. */
import type { Query } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { align } from './set-operation.ts';
import { render } from './subquery.ts';
import type { CompileBody, Cte, Env } from './unit.ts';

export function compileWith(query: Query, outer: Env, compile: CompileBody): { env: Env; prefix: string } {
  if (query.with.length === 0) return { env: outer, prefix: '' };
  const ctes = new Map(outer.ctes);
  const texts: string[] = [];
  const seen = new Set<string>();
  for (const cte of query.with) {
    const key = cte.name.toLowerCase();
    if (seen.has(key)) throw new SyntaxFault(`Duplicate alias ${cte.name} for WITH subquery`, cte.at);
    seen.add(key);
    const env: Env = { ...outer, ctes };
    const sql = `w${env.unit.alias()}`;
    const recursion = query.recursive ? compileRecursive(cte, sql, env, compile) : undefined;
    if (recursion) {
      ctes.set(key, recursion.table);
      texts.push(recursion.text);
      continue;
    }
    const relation = env.unit.compileQuery(cte.query, { ...env });
    ctes.set(key, { name: cte.name, sql, columns: relation.columns, value: relation.value });
    const text = render(relation);
    texts.push(`${sql} AS ${isRowByRow(text) ? 'NOT MATERIALIZED ' : ''}(${text})`);
  }
  return { env: { ...outer, ctes }, prefix: `WITH ${query.recursive ? 'RECURSIVE ' : ''}${texts.join(', ')} ` };
}

/** BigQuery's limit. */
const ITERATIONS = 500;

/**
 * A query that names itself. Each row carries the number of the iteration that made it, which ends a recursion that would not end. Rows that
 * are to be distinct are distinct without that number: those that are there already make no new ones.
 */
function compileRecursive(
  { name, query }: Query['with'][number],
  sql: string,
  env: Env,
  compile: CompileBody,
): { table: Cte; text: string } | undefined {
  const { body } = query;
  if (body.k !== 'set' || !body.op.startsWith('UNION')) return undefined;
  const anchor = compile(body.left, env);
  const table: Cte = {
    name,
    sql,
    columns: anchor.columns.map(({ untyped: _, emptyArray: _e, literal: _l, digits: _d, ...c }) => c),
    value: anchor.value,
  };
  const recursive = { references: 0 };
  const step = compile(body.right, { ...env, ctes: new Map(env.ctes).set(name.toLowerCase(), { ...table, recursive }) });
  if (recursive.references === 0) return undefined;
  env.unit.recursions -= recursive.references;
  refuseOrder(query, 'A recursive query');
  if (step.columns.length !== anchor.columns.length) {
    throw new SyntaxFault(
      `Queries in ${body.op} have mismatched column count; query 1 has ${anchor.columns.length} columns, query 2 has ${step.columns.length} columns`,
      body.at,
    );
  }
  const types = anchor.columns.map((c) => c.type);
  const columns = anchor.columns.map((c) => c.sql);
  const all = body.op === 'UNION ALL';
  const number = `CASE WHEN gs_i.n > ${ITERATIONS} THEN error('A recursive CTE has reached the maximum number of iterations: ${ITERATIONS}') ELSE gs_i.n END`;
  const made = `(${align(step, types, body.op, body.at)}) AS gs_s(${columns.join(', ')}) CROSS JOIN (SELECT max(gs_n) + 1 AS n FROM ${sql}) AS gs_i`;
  const same = columns.map((c) => `gs_r.${c} IS NOT DISTINCT FROM gs_s.${c}`).join(' AND ');
  const next = all
    ? `SELECT gs_s.*, ${number} FROM ${made}`
    : `SELECT DISTINCT gs_s.*, ${number} FROM ${made} WHERE NOT EXISTS (SELECT 1 FROM recurring.${sql} AS gs_r WHERE ${same})`;
  const key = all ? '' : ` USING KEY (${columns.join(', ')})`;
  const text = `${sql}(${columns.join(', ')}, gs_n)${key} AS ((SELECT gs_a.*, 0 FROM (${render(anchor)}) AS gs_a) UNION${all ? ' ALL' : ''} (${next}))`;
  return { table, text };
}

/** A recursion has neither an order nor an end that could be given to a part of it. */
export function refuseOrder({ order, limit }: Query, what: string): void {
  if (limit) throw new SyntaxFault(`${what} may not use a LIMIT clause`, limit.at);
  if (order[0]) throw new SyntaxFault(`${what} may not use an ORDER BY clause`, order[0].of.at);
}

/**
 * One table's rows, each on its own. DuckDB would keep them where the query is named twice, all columns of them, and a million rows of an
 * export do not fit: reading them again, and only what is asked for, takes half of the time.
 */
const isRowByRow = (text: string): boolean =>
  text.match(/\bSELECT\b/g)?.length === 1 && !/\b(?:DISTINCT|GROUP BY|JOIN|LIMIT|random|uuid|unnest)\b|\bOVER \(/.test(text);
