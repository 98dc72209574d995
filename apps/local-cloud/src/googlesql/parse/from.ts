/** FROM: tables, UNNEST, subqueries, joins, PIVOT and UNPIVOT. */
import type { From, Node } from './ast.ts';
import { parseExpression } from './expression.ts';
import { SyntaxFault } from './fault.ts';
import { names, parseQuery } from './query.ts';
import type { Stream } from './stream.ts';

export const JOIN_WORDS = ['JOIN', 'INNER', 'LEFT', 'RIGHT', 'FULL', 'CROSS'];

/** Commas and joins associate to the left alike: `a, b JOIN c` is `(a, b) JOIN c`. */
export function parseFrom(s: Stream): From {
  let left = parseFromItem(s);
  for (;;) {
    if (s.accept(',')) left = { k: 'join', kind: 'COMMA', left, right: parseFromItem(s), at: left.at };
    else if (s.isAny(...JOIN_WORDS) && !isSetMode(s)) left = parseJoin(s, left);
    else return left;
  }
}

export function isSetMode(s: Stream): boolean {
  return ['UNION', 'INTERSECT', 'EXCEPT'].includes(s.peek(s.peek().word === 'OUTER' ? 2 : 1).word);
}

export function parseJoin(s: Stream, left: From): From {
  const at = s.at;
  let kind = 'INNER' as 'INNER' | 'LEFT' | 'RIGHT' | 'FULL' | 'CROSS';
  if (!s.is('JOIN')) {
    kind = s.next().word as typeof kind;
    if (kind !== 'CROSS' && kind !== 'INNER') s.accept('OUTER');
  }
  if (!s.accept('JOIN')) {
    if (s.isAny('HASH', 'LOOKUP', 'EACH')) throw new SyntaxFault(`Join hint ${s.token.text} is not supported`, s.at, 'unsupported');
    throw s.unexpected('keyword JOIN');
  }
  const right = parseFromItem(s);
  if (kind === 'CROSS') return { k: 'join', kind, left, right, at };
  if (s.accept('ON')) return { k: 'join', kind, left, right, on: parseExpression(s), at };
  if (s.accept('USING')) return { k: 'join', kind, left, right, using: names(s), at };
  if (s.isAny(...JOIN_WORDS)) {
    // `a JOIN b JOIN c ON .. ON ..`: the nearest condition belongs to the inner join.
    let inner = right;
    while (s.isAny(...JOIN_WORDS)) inner = parseJoin(s, inner);
    if (s.accept('ON')) return { k: 'join', kind, left, right: inner, on: parseExpression(s), at };
    if (s.accept('USING')) return { k: 'join', kind, left, right: inner, using: names(s), at };
  }
  if (right.k === 'unnest' || right.k === 'path') return { k: 'join', kind, left, right, at };
  throw new SyntaxFault(
    `Syntax error: Expected keyword ON or keyword USING but got ${s.token.kind === 'eof' ? 'end of script' : `"${s.token.text}"`}`,
    s.at,
  );
}

function withOffset(s: Stream): string | true | undefined {
  if (!s.accept('WITH', 'OFFSET')) return undefined;
  return s.alias() ?? true;
}

function parseFromItem(s: Stream): From {
  const at = s.at;
  let item: From;
  if (s.accept('UNNEST')) {
    s.expect('(');
    const of = parseExpression(s);
    s.expect(')');
    const alias = s.is('WITH') ? undefined : s.alias();
    const offset = withOffset(s);
    item = { k: 'unnest', of, at, ...(alias !== undefined && { alias }), ...(offset !== undefined && { offset }) };
  } else if (s.is('(')) {
    item = parseParenthesised(s);
  } else if (s.accept('LATERAL')) {
    throw new SyntaxFault('LATERAL join is not supported', at, 'unsupported');
  } else {
    const path = s.path();
    if (s.is('(')) {
      s.next();
      const args = s.is(')')
        ? []
        : s.list((): Node => {
            const at = s.at;
            if (s.accept('TABLE')) return { k: 'table', path: s.path(), at };
            return parseExpression(s);
          });
      s.expect(')');
      const alias = s.alias();
      item = { k: 'tvf', path, args, at, ...(alias !== undefined && { alias }) };
    } else {
      let alias = s.is('FOR') || s.is('WITH') || isPivot(s) ? undefined : s.alias();
      const offset = withOffset(s);
      let asOf: Node | undefined;
      if (s.accept('FOR', 'SYSTEM_TIME', 'AS', 'OF') || s.accept('FOR', 'SYSTEM', 'TIME', 'AS', 'OF')) asOf = parseExpression(s);
      if (alias === undefined && asOf) alias = s.alias();
      item = { k: 'path', path, at, ...(alias !== undefined && { alias }), ...(offset !== undefined && { offset }), ...(asOf && { asOf }) };
    }
  }
  return parsePostfixOperators(s, item);
}

export function isPivot(s: Stream): boolean {
  return s.isAny('PIVOT', 'UNPIVOT') && ['(', 'INCLUDE', 'EXCLUDE'].includes(s.peek().word);
}

function parsePostfixOperators(s: Stream, start: From): From {
  let item = start;
  for (;;) {
    if (isPivot(s)) item = s.is('PIVOT') ? parsePivot(s, item) : parseUnpivot(s, item);
    else if (s.accept('TABLESAMPLE')) {
      if (s.identifier().toUpperCase() !== 'SYSTEM')
        throw new SyntaxFault('TABLESAMPLE supports only the SYSTEM method', s.at, 'unsupported');
      s.expect('(');
      const size = parseExpression(s);
      const unit = s.next().word;
      if (unit !== 'PERCENT') throw new SyntaxFault('TABLESAMPLE SYSTEM supports only a PERCENT size', s.at, 'unsupported');
      s.expect(')');
      item = { k: 'sample', input: item, size, unit, at: item.at };
    } else return item;
  }
}

function parseParenthesised(s: Stream): From {
  const at = s.at;
  const mark = s.mark();
  s.expect('(');
  let depth = 0;
  while (s.peek(depth).word === '(') depth++;
  if (['SELECT', 'WITH', 'FROM'].includes(s.peek(depth).word)) {
    try {
      const query = parseQuery(s);
      s.expect(')');
      const alias = isPivot(s) ? undefined : s.alias();
      return { k: 'query', query, at, ...(alias !== undefined && { alias }) };
    } catch (error) {
      // `((select ...) a join b)` starts like a query but is a join.
      if (depth === 0) throw error;
      s.rewind(mark);
      s.expect('(');
    }
  }
  const inner = parseFrom(s);
  s.expect(')');
  return inner;
}

export function parsePivot(s: Stream, input: From): From {
  const at = s.at;
  s.expect('PIVOT', '(');
  const aliased = () => {
    const of = parseExpression(s);
    const alias = s.alias();
    return alias === undefined ? { of } : { of, alias };
  };
  const aggregates = s.list(aliased);
  s.expect('FOR');
  const by = pivotColumn(s);
  s.expect('IN', '(');
  const values = s.list(aliased);
  s.expect(')', ')');
  const alias = s.alias();
  return { k: 'pivot', input, aggregates, by, values, at, ...(alias !== undefined && { alias }) };
}

/** The column of FOR ends before IN, which an expression would swallow. */
function pivotColumn(s: Stream): Node {
  if (s.is('(')) return parseExpression(s);
  const at = s.at;
  let node: Node = { k: 'name', name: s.identifier(), at };
  if (s.is('(')) throw new SyntaxFault('PIVOT FOR supports only a column', at, 'unsupported');
  while (s.accept('.')) node = { k: 'dot', of: node, name: s.anyName(), at };
  return node;
}

export function parseUnpivot(s: Stream, input: From): From {
  const at = s.at;
  s.expect('UNPIVOT');
  const includeNulls = s.accept('INCLUDE', 'NULLS') || (s.accept('EXCLUDE', 'NULLS'), false);
  s.expect('(');
  const group = () => (s.is('(') ? names(s) : [s.identifier()]);
  const values = group();
  s.expect('FOR');
  const name = s.identifier();
  s.expect('IN', '(');
  const columns = s.list(() => {
    const cols = group();
    return s.accept('AS') ? { names: cols, label: parseExpression(s) } : { names: cols };
  });
  s.expect(')', ')');
  const alias = s.alias();
  return { k: 'unpivot', input, includeNulls, values, name, columns, at, ...(alias !== undefined && { alias }) };
}
