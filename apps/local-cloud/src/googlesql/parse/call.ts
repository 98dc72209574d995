/** Calls: arguments with their modifiers, lambdas, OVER and window definitions. */
import type { CallNode, Node, OrderItem, WindowRef, WindowSpec } from './ast.ts';
import { parseExpression } from './expression.ts';
import type { Stream } from './stream.ts';

export function parseOrderItems(s: Stream): OrderItem[] {
  return s.list(() => {
    const of = parseExpression(s);
    const collate = s.accept('COLLATE') ? parseExpression(s) : undefined;
    const desc = s.either('DESC', 'ASC');
    const nulls = s.accept('NULLS') ? (s.next().word as 'FIRST' | 'LAST') : undefined;
    return { of, desc, ...(nulls && { nulls }), ...(collate && { collate }) };
  });
}

export function parseCall(s: Stream, path: string[], at: number): CallNode {
  const safe = path.length > 1 && path[0]!.toUpperCase() === 'SAFE';
  const name = safe ? path.slice(1) : path;
  s.expect('(');
  const distinct = s.accept('DISTINCT');
  const args: Node[] = [];
  const named: { name: string; value: Node }[] = [];
  if (s.is('*')) {
    args.push({ k: 'star', at: s.at });
    s.next();
  } else if (!s.isAny(')', 'ORDER', 'LIMIT')) {
    s.list(() => {
      if (s.isIdentifier() && s.peek().word === '=>') {
        const key = s.next().text;
        s.next();
        named.push({ name: key.toLowerCase(), value: parseExpression(s) });
      } else args.push(parseArgument(s));
    });
  }
  const call: { -readonly [K in keyof CallNode]: CallNode[K] } = { k: 'call', path: name, safe, args, named, distinct, order: [], at };
  if (s.isAny('IGNORE', 'RESPECT') && s.peek().word === 'NULLS') {
    call.nulls = s.next().word as 'IGNORE';
    s.next();
  }
  if (s.accept('HAVING')) {
    if (!s.isAny('MAX', 'MIN')) throw s.unexpected('keyword MAX or keyword MIN');
    const which = s.next().word as 'MAX';
    call.having = { which, of: parseExpression(s) };
  }
  if (s.accept('ORDER', 'BY')) call.order = parseOrderItems(s);
  if (s.accept('LIMIT')) call.limit = parseExpression(s);
  s.expect(')');
  if (s.accept('OVER')) call.over = parseWindowRef(s);
  return call;
}

function parseArgument(s: Stream): Node {
  const at = s.at;
  if (s.is('(') && lambdaAhead(s)) {
    s.next();
    const params = s.is(')') ? [] : s.list(() => s.identifier());
    s.expect(')', '->');
    return { k: 'lambda', params, body: parseExpression(s), at };
  }
  if (s.is('SELECT') || (s.is('WITH') && s.peek().kind === 'ident' && s.peek(2).word === 'AS')) {
    return { k: 'scalarQuery', query: s.parseQuery(s), at };
  }
  return parseExpression(s);
}

function lambdaAhead(s: Stream): boolean {
  for (let i = 1; ; i++) {
    const { word, kind } = s.peek(i);
    if (word === ')') return s.peek(i + 1).word === '->';
    if (kind !== 'ident' && word !== ',') return false;
  }
}

export function parseWindowRef(s: Stream): WindowRef {
  const at = s.at;
  if (!s.is('(')) return { name: s.identifier('window name'), at };
  return parseWindowSpec(s);
}

export function parseWindowSpec(s: Stream): WindowSpec {
  const at = s.at;
  s.expect('(');
  const spec: { -readonly [K in keyof WindowSpec]: WindowSpec[K] } = { partition: [], order: [], at };
  if (s.isIdentifier()) spec.base = s.next().text;
  if (s.accept('PARTITION', 'BY')) spec.partition = s.list(() => parseExpression(s));
  if (s.accept('ORDER', 'BY')) spec.order = parseOrderItems(s);
  if (s.isAny('ROWS', 'RANGE')) {
    const unit = s.next().word as 'ROWS';
    const bound = () => {
      if (s.accept('UNBOUNDED'))
        return { kind: s.accept('PRECEDING') ? 'UNBOUNDED PRECEDING' : (s.expect('FOLLOWING'), 'UNBOUNDED FOLLOWING') } as const;
      if (s.accept('CURRENT')) return (s.expect('ROW'), { kind: 'CURRENT ROW' } as const);
      const offset = parseExpression(s);
      return { kind: s.accept('PRECEDING') ? 'PRECEDING' : (s.expect('FOLLOWING'), 'FOLLOWING'), offset } as const;
    };
    if (s.accept('BETWEEN')) {
      const from = bound();
      s.expect('AND');
      spec.frame = { unit, from, to: bound() };
    } else spec.frame = { unit, from: bound() };
  }
  s.expect(')');
  return spec;
}
