/** One statement: parsed, analysed, and given to the storage side with the names and types of its result. */

import { analyze } from './analyze/expression.ts';
import { compileQuery } from './analyze/query.ts';
import { emptyScope } from './analyze/scope.ts';
import { type Env, Unit } from './analyze/unit.ts';
import { type CompileContext, type Compiled, type CompiledQuery, GoogleSqlError } from './contract.ts';
import { positionOf, SyntaxFault } from './parse/fault.ts';
import { parseLoneExpression, parseStatement } from './parse/statement.ts';
import { ddl } from './statement/ddl.ts';
import { dml } from './statement/dml.ts';
import { merge } from './statement/merge.ts';
import { duckSql, outputColumn, readsOf } from './statement/output.ts';
import { query as queryStatement } from './statement/query.ts';

export const compile = (sql: string, context: CompileContext): Compiled => guarded(sql, context, () => compileStatement(sql, context));

/** Faults carry offsets; users see line and column. Whatever else escapes is a defect of this folder, unless the text was too deep for the stack. */
export function guarded<T>(sql: string, context: Pick<CompileContext, 'at'>, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof SyntaxFault) {
      throw new GoogleSqlError(
        error.reason,
        error.message,
        error.offset === undefined ? undefined : positionOf(sql, error.offset, context.at),
      );
    }
    if (error instanceof RangeError && /call stack/i.test(error.message))
      throw new GoogleSqlError('invalidQuery', 'Query is too deeply nested', context.at);
    throw error;
  }
}

function newEnv(context: CompileContext): Env {
  return { unit: new Unit(context, { compileQuery, analyze }), scope: emptyScope(), ctes: new Map() };
}

function compileStatement(sql: string, context: CompileContext): Compiled {
  const statement = parseStatement(sql);
  const env = newEnv(context);
  switch (statement.k) {
    case 'query':
      return queryStatement(statement.query, env);
    case 'insert':
    case 'update':
    case 'delete':
    case 'truncate':
      return dml(statement, env);
    case 'merge':
      return merge(statement, env);
    default:
      return ddl(statement, sql, env);
  }
}

/** A scalar expression as a query of one row. */
export function compileExpression(sql: string, context: CompileContext): CompiledQuery {
  return guarded(sql, context, () => {
    const env = newEnv(context);
    const value = analyze(parseLoneExpression(sql), { ...env, noAggregates: 'this expression', noWindows: 'this expression' });
    return {
      kind: 'query',
      sql: duckSql(`SELECT ${outputColumn(value.sql, value.type)} AS "f0_"`, env),
      columns: [{ name: 'f0_', type: value.type }],
      reads: readsOf(env),
      deterministic: env.unit.deterministic,
      ordered: false,
    };
  });
}
