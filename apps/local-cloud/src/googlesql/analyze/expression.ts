/**
 * Expressions: the kinds of node and who translates each into typed DuckDB SQL. Calls are in ./call.ts.
 *
 * 1. The SQL of equal expressions is equal text: GROUP BY and DISTINCT rely on it.
 * 2. Above a GROUP BY only grouping keys and aggregates are visible.
 */
import type { Node } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { sameNode } from '../parse/walk.ts';
import { BOOL, INT64 } from '../sql-type.ts';
import { arraySubquery } from './array-query.ts';
import { analyzeCall } from './call.ts';
import { analyzeArray, analyzeCast, analyzeStruct } from './construct.ts';
import { intervalLiteral, partText } from './interval.ts';
import { integer, rangeLiteral, typedLiteral } from './literal.ts';
import { analyzeIndex, analyzePath, systemVariable } from './names.ts';
import { negate, notNull, operator, unify, want } from './operator.ts';
import { analyzeCase, analyzeIn, analyzeLike } from './predicate.ts';
import { arrayQuery, render, scalarQuery, subquery } from './subquery.ts';
import { boolLiteral, bytesLiteral, conjunctsOf, floatLiteral, nullOf, raw, stringLiteral, type Typed } from './typed.ts';
import type { Env } from './unit.ts';

export function analyze(node: Node, env: Env): Typed {
  const { grouping } = env;
  if (grouping) {
    for (const key of grouping.keys) {
      if (key.node?.k !== node.k || node.k === 'name' || node.k === 'dot') continue;
      // Subqueries get fresh aliases each time, so for them the text decides.
      if (sameNode(key.node, node)) return key.value;
      const plain = attempt(node, grouping.source);
      if (plain && plain.sql === key.sql) return key.value;
      if (plain === undefined) break;
    }
  }
  switch (node.k) {
    case 'null':
      return nullOf(INT64);
    case 'bool':
      return boolLiteral(node.value);
    case 'int':
      return integer(node.text, node.at);
    case 'float':
      if (!Number.isFinite(Number(node.text))) throw new SyntaxFault(`Invalid floating point literal: ${node.text}`, node.at);
      return floatLiteral(node.text);
    case 'string':
      return stringLiteral(node.value);
    case 'bytes':
      return bytesLiteral(node.value);
    case 'typed':
      return typedLiteral(node.type, node.value, node.at);
    case 'name':
    case 'dot':
      return analyzePath(node, env);
    case 'index':
      return analyzeIndex(node, env);
    case 'param':
      return env.unit.parameter(node);
    case 'sysvar': {
      const name = `@@${node.name.toLowerCase()}`;
      const type = env.unit.context.variables.get(name) ?? env.unit.context.variables.get(node.name.toLowerCase());
      if (!type) return systemVariable(node.name, node.at, env);
      env.unit.deterministic = false;
      return env.unit.variable(name, type);
    }
    case 'call':
      return analyzeCall(node, env, analyze);
    case 'cast':
      return analyzeCast(node, env);
    case 'extract':
      return analyzeCall(
        {
          k: 'call',
          path: ['EXTRACT'],
          safe: false,
          args: [{ k: 'string', value: partText(node.part), at: node.part.at }, node.of, ...(node.zone ? [node.zone] : [])],
          named: [],
          distinct: false,
          order: [],
          at: node.at,
        },
        env,
        analyze,
      );
    case 'case':
      return analyzeCase(node, env);
    case 'between': {
      const [of, low, high] = unify([analyze(node.of, env), analyze(node.low, env), analyze(node.high, env)], 'BETWEEN', node.at);
      return negate(raw(BOOL, `(${of!.sql} BETWEEN ${low!.sql} AND ${high!.sql})`), node.not);
    }
    case 'in':
      return analyzeIn(node, env);
    case 'like':
      return analyzeLike(node, env);
    case 'is': {
      const of = analyze(node.of, env);
      if (node.what === 'NULL') return raw(BOOL, `(${of.sql} IS ${node.not ? 'NOT ' : ''}NULL)`);
      const bool = want(of, BOOL, node.at, `IS ${node.what}`);
      return raw(BOOL, `(${bool.sql} IS ${node.not ? 'NOT ' : ''}${node.what === 'UNKNOWN' ? 'NULL' : node.what})`);
    }
    case 'distinct': {
      const [left, right] = unify([analyze(node.left, env), analyze(node.right, env)], 'IS DISTINCT FROM', node.at);
      return raw(BOOL, `(${left!.sql} IS ${node.not ? 'NOT ' : ''}DISTINCT FROM ${right!.sql})`);
    }
    case 'unary': {
      notNull(node.op, node.of);
      if (node.op === '+') return analyze(node.of, env);
      return operator(node.op === '-' ? '-x' : '~', [analyze(node.of, env)], node.at, `gs_x${env.unit.alias()}`);
    }
    case 'binary':
      if (node.op !== '<<' && node.op !== '>>') notNull(node.op, node.left, node.right);
      return operator(node.op, [analyze(node.left, env), analyze(node.right, env)], node.at, `gs_x${env.unit.alias()}`);
    case 'and':
    case 'or': {
      const parts = node.operands.map((o) => want(analyze(o, env), BOOL, o.at, `operator ${node.k.toUpperCase()}`));
      const sql = `(${parts.map((part) => part.sql).join(node.k === 'and' ? ' AND ' : ' OR ')})`;
      return { ...raw(BOOL, sql), ...(node.k === 'and' && { conjuncts: parts.flatMap(conjunctsOf) }) };
    }
    case 'not':
      notNull('NOT', node.of);
      return raw(BOOL, `(NOT ${want(analyze(node.of, env), BOOL, node.at, 'operator NOT').sql})`);
    case 'arrayCtor':
      return analyzeArray(node, env);
    case 'structCtor':
      return analyzeStruct(node, env);
    case 'scalarQuery':
      return arraySubquery(node, env) ?? scalarQuery(env.unit.compileQuery(node.query, subquery(env)), node.at);
    case 'arrayQuery':
      return arraySubquery(node, env) ?? arrayQuery(env.unit.compileQuery(node.query, subquery(env)), node.at);
    case 'exists':
      return arraySubquery(node, env) ?? raw(BOOL, `EXISTS (${render(env.unit.compileQuery(node.query, subquery(env)))})`);
    case 'interval':
      return intervalLiteral(node, (n) => analyze(n, env));
    case 'rangeLiteral':
      return rangeLiteral(node, env);
    case 'lambda':
      throw new SyntaxFault('Lambda expression is not expected here', node.at);
    case 'default':
      throw new SyntaxFault('Unexpected keyword DEFAULT', node.at);
    case 'star':
      throw new SyntaxFault('Syntax error: Unexpected "*"', node.at);
    case 'table':
      throw new SyntaxFault('Table argument is not expected here', node.at);
    default:
      throw node satisfies never;
  }
}

function attempt(node: Node, env: Env): Typed | undefined {
  const binds = env.unit.binds.length;
  try {
    return analyze(node, env);
  } catch {
    env.unit.binds.length = binds;
    return undefined;
  }
}
