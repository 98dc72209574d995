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
    const recursive = query.recursive && cte.query.body.k === 'set' && cte.query.body.op.startsWith('UNION');
    if (recursive && cte.query.body.k === 'set') {
      const anchor = compile(cte.query.body.left, env);
      const info: Cte = {
        name: cte.name,
        sql,
        columns: anchor.columns.map(({ untyped: _, emptyArray: _e, literal: _l, digits: _d, ...c }) => c),
        value: anchor.value,
      };
      ctes.set(key, info);
      const step = compile(cte.query.body.right, { ...env, ctes });
      if (step.columns.length !== anchor.columns.length) {
        throw new SyntaxFault(
          `Queries in ${cte.query.body.op} have mismatched column count; query 1 has ${anchor.columns.length} columns, query 2 has ${step.columns.length} columns`,
          cte.query.body.at,
        );
      }
      const aligned = align(
        step,
        anchor.columns.map((c) => c.type),
        cte.query.body.op,
        cte.query.body.at,
      );
      const operator = cte.query.body.op === 'UNION ALL' ? 'UNION ALL' : 'UNION';
      texts.push(`${sql}(${anchor.columns.map((c) => c.sql).join(', ')}) AS ((${render(anchor)}) ${operator} (${aligned}))`);
      continue;
    }
    const relation = env.unit.compileQuery(cte.query, { ...env });
    ctes.set(key, { name: cte.name, sql, columns: relation.columns, value: relation.value });
    const text = render(relation);
    texts.push(`${sql} AS ${isRowByRow(text) ? 'NOT MATERIALIZED ' : ''}(${text})`);
  }
  return { env: { ...outer, ctes }, prefix: `WITH ${query.recursive ? 'RECURSIVE ' : ''}${texts.join(', ')} ` };
}

/**
 * One table's rows, each on its own. DuckDB would keep them where the query is named twice, all columns of them, and a million rows of an
 * export do not fit: reading them again, and only what is asked for, takes half of the time.
 */
const isRowByRow = (text: string): boolean =>
  text.match(/\bSELECT\b/g)?.length === 1 && !/\b(?:DISTINCT|GROUP BY|JOIN|LIMIT|random|uuid|unnest)\b|\bOVER \(/.test(text);
