/** One statement: a query, DML or DDL. Scripts are split by ./script.ts. */
import type { MergeBranch, Node, Query, SetItem, Statement } from './ast.ts';
import { isDdl, parseDdl } from './ddl.ts';
import { parseExpression } from './expression.ts';
import { SyntaxFault } from './fault.ts';
import { parseFrom, parseQuery } from './query.ts';
import { Stream } from './stream.ts';

export function parseStatement(text: string): Statement {
  const s = new Stream(text, parseQuery);
  const statement = parseOne(s);
  while (s.accept(';'));
  s.end();
  return statement;
}

export function parseLoneExpression(text: string): Node {
  const s = new Stream(text, parseQuery);
  const node = parseExpression(s);
  s.end();
  return node;
}

export function parseLoneQuery(text: string): Query {
  const s = new Stream(text, parseQuery);
  const query = parseQuery(s);
  while (s.accept(';'));
  s.end();
  return query;
}

/** BigQuery's statements that are refused by name. */
const UNSUPPORTED = ['EXPORT DATA', 'EXPORT MODEL', 'LOAD DATA', 'GRANT', 'REVOKE', 'UNDROP SCHEMA', 'EXPLAIN', 'DESCRIBE'];

function parseOne(s: Stream): Statement {
  const at = s.at;
  if (s.isAny('SELECT', 'WITH', '(', 'FROM')) return { k: 'query', query: parseQuery(s), at };
  switch (s.token.word) {
    case 'INSERT':
      return parseInsert(s);
    case 'UPDATE':
      return parseUpdate(s);
    case 'DELETE':
      return parseDelete(s);
    case 'MERGE':
      return parseMerge(s);
    case 'TRUNCATE':
      s.expect('TRUNCATE', 'TABLE');
      return { k: 'truncate', target: s.path(), at };
  }
  if (isDdl(s)) return parseDdl(s);
  const known = UNSUPPORTED.find((words) => s.is(...words.split(' ')));
  if (known) throw new SyntaxFault(`${known} is not supported`, at, 'unsupported');
  if (s.token.kind === 'eof') throw new SyntaxFault('Syntax error: Unexpected end of statement', at);
  throw s.unexpected();
}

function columnList(s: Stream): string[] {
  s.expect('(');
  const names = s.list(() => s.identifier());
  s.expect(')');
  return names;
}

function parseValuesRow(s: Stream): Node[] {
  s.expect('(');
  const row = s.is(')') ? [] : s.list(() => parseExpression(s));
  s.expect(')');
  return row;
}

function parseInsert(s: Stream): Statement {
  const at = s.at;
  s.expect('INSERT');
  s.accept('INTO');
  const target = s.path();
  const columns = s.is('(') && !['SELECT', 'WITH'].includes(s.peek().word) && !(s.peek().word === '(') ? columnList(s) : undefined;
  const base = { k: 'insert', target, at, ...(columns && { columns }) } as const;
  if (s.accept('VALUES')) return { ...base, rows: s.list(() => parseValuesRow(s)) };
  return { ...base, query: parseQuery(s) };
}

function targetAlias(s: Stream): { alias?: string } {
  const alias = s.isAny('WHERE', 'SET', 'USING') ? undefined : s.alias();
  return alias === undefined ? {} : { alias };
}

function parseSetList(s: Stream): SetItem[] {
  return s.list(() => {
    const at = s.at;
    if (s.is('(')) throw new SyntaxFault('Nested DML inside UPDATE is not supported', at, 'unsupported');
    const path = [s.identifier()];
    while (s.accept('.')) path.push(s.anyName());
    if (s.is('[')) throw new SyntaxFault('Updating array elements by position is not supported', at, 'unsupported');
    s.expect('=');
    return { path, value: parseExpression(s), at };
  });
}

function parseUpdate(s: Stream): Statement {
  const at = s.at;
  s.expect('UPDATE');
  const target = s.path();
  const alias = targetAlias(s);
  s.expect('SET');
  const set = parseSetList(s);
  const from = s.accept('FROM') ? parseFrom(s) : undefined;
  const where = s.accept('WHERE') ? parseExpression(s) : undefined;
  return { k: 'update', target, ...alias, set, at, ...(from && { from }), ...(where && { where }) };
}

function parseDelete(s: Stream): Statement {
  const at = s.at;
  s.expect('DELETE');
  s.accept('FROM');
  const target = s.path();
  const alias = targetAlias(s);
  const where = s.accept('WHERE') ? parseExpression(s) : undefined;
  return { k: 'delete', target, ...alias, at, ...(where && { where }) };
}

function parseMerge(s: Stream): Statement {
  const at = s.at;
  s.expect('MERGE');
  s.accept('INTO');
  const target = s.path();
  const alias = targetAlias(s);
  s.expect('USING');
  const source = parseFrom(s);
  s.expect('ON');
  const on = parseExpression(s);
  const branches: MergeBranch[] = [];
  while (s.is('WHEN')) branches.push(parseBranch(s));
  if (branches.length === 0) throw s.unexpected('keyword WHEN');
  return { k: 'merge', target, ...alias, source, on, branches, at };
}

function parseBranch(s: Stream): MergeBranch {
  const at = s.at;
  s.expect('WHEN');
  const not = s.accept('NOT');
  s.expect('MATCHED');
  let when: MergeBranch['when'] = not ? 'NOT MATCHED' : 'MATCHED';
  if (not && s.accept('BY', 'SOURCE')) when = 'NOT MATCHED BY SOURCE';
  else if (not) s.accept('BY', 'TARGET');
  const and = s.accept('AND') ? parseExpression(s) : undefined;
  s.expect('THEN');
  const branch = (action: MergeBranch['action']): MergeBranch => ({ when, action, at, ...(and && { and }) });
  if (s.accept('UPDATE')) {
    s.expect('SET');
    return branch({ k: 'update', set: parseSetList(s) });
  }
  if (s.accept('DELETE')) return branch({ k: 'delete' });
  s.expect('INSERT');
  const columns = s.is('(') ? columnList(s) : undefined;
  if (s.accept('ROW')) return branch({ k: 'insert', ...(columns && { columns }) });
  s.expect('VALUES');
  return branch({ k: 'insert', values: parseValuesRow(s), ...(columns && { columns }) });
}
