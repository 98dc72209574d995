/** Expressions: operator precedence, calls, constructors, types. Queries inside expressions go through `Stream.parseQuery`. */
import type { Node } from './ast.ts';
import { parseCall } from './call.ts';
import { SyntaxFault } from './fault.ts';
import { parsePrimary } from './primary.ts';
import type { Stream } from './stream.ts';

/** Binding powers; NOT sits between AND and the comparisons. */
const BINARY: Readonly<Record<string, number>> = { '|': 5, '^': 6, '&': 7, '<<': 8, '>>': 8, '+': 9, '-': 9, '*': 10, '/': 10, '||': 10 };

const COMPARE = new Set(['=', '<', '>', '<=', '>=', '<>', '!=']);

export function parseExpression(s: Stream): Node {
  return s.nested(() => parseOr(s));
}

function parseOr(s: Stream): Node {
  const first = parseAnd(s);
  if (!s.is('OR')) return first;
  const operands = [first];
  while (s.accept('OR')) operands.push(parseAnd(s));
  return { k: 'or', operands, at: first.at };
}

function parseAnd(s: Stream): Node {
  const first = parseNot(s);
  if (!s.is('AND')) return first;
  const operands = [first];
  while (s.accept('AND')) operands.push(parseNot(s));
  return { k: 'and', operands, at: first.at };
}

function parseNot(s: Stream): Node {
  const at = s.at;
  if (s.accept('NOT')) return { k: 'not', of: s.nested(() => parseNot(s)), at };
  return parseComparison(s);
}

function parseComparison(s: Stream): Node {
  let left = parseBinary(s, 5);
  for (let compared = false; ; compared = true) {
    const word = s.token.word;
    const at = left.at;
    if (COMPARE.has(word)) {
      if (compared) throw s.unexpected();
      s.next();
      left = { k: 'binary', op: word === '<>' ? '!=' : word, left, right: parseBinary(s, 5), at };
      continue;
    }
    if (word === 'IS') {
      s.next();
      const not = s.accept('NOT');
      if (s.accept('DISTINCT', 'FROM')) {
        left = { k: 'distinct', left, right: parseBinary(s, 5), not, at };
        continue;
      }
      if (!s.isAny('NULL', 'TRUE', 'FALSE', 'UNKNOWN')) throw s.unexpected();
      left = { k: 'is', of: left, what: s.next().word as 'NULL', not, at };
      continue;
    }
    const not = word === 'NOT' && ['IN', 'LIKE', 'BETWEEN'].includes(s.peek().word);
    const operator = not ? s.peek().word : word;
    if (operator === 'BETWEEN') {
      s.next();
      if (not) s.next();
      const low = parseBinary(s, 5);
      s.expect('AND');
      left = { k: 'between', of: left, low, high: parseBinary(s, 5), not, at };
    } else if (operator === 'IN') {
      s.next();
      if (not) s.next();
      left = parseIn(s, left, not);
    } else if (operator === 'LIKE') {
      s.next();
      if (not) s.next();
      left = parseLike(s, left, not);
    } else return left;
  }
}

function parseIn(s: Stream, of: Node, not: boolean): Node {
  const at = of.at;
  if (s.accept('UNNEST')) {
    s.expect('(');
    const unnest = parseExpression(s);
    s.expect(')');
    return { k: 'in', of, unnest, not, at };
  }
  s.expect('(');
  if (startsQuery(s)) {
    const mark = s.mark();
    const query = s.parseQuery(s);
    if (s.accept(')')) return { k: 'in', of, query, not, at };
    s.rewind(mark);
  }
  const list = s.list(() => parseExpression(s));
  s.expect(')');
  return { k: 'in', of, list, not, at };
}

function parseLike(s: Stream, of: Node, not: boolean): Node {
  const at = of.at;
  if (!s.isAny('ANY', 'SOME', 'ALL')) return { k: 'like', of, pattern: parseBinary(s, 5), not, at };
  const quantifier = s.next().word === 'ALL' ? 'ALL' : 'ANY';
  if (s.accept('UNNEST')) {
    s.expect('(');
    const unnest = parseExpression(s);
    s.expect(')');
    return { k: 'like', of, quantifier, unnest, not, at };
  }
  s.expect('(');
  const patterns = s.list(() => parseExpression(s));
  s.expect(')');
  return { k: 'like', of, quantifier, patterns, not, at };
}

export function parseBinary(s: Stream, least: number): Node {
  return s.nested(() => {
    let left = parseUnary(s);
    for (;;) {
      const power = BINARY[s.token.word];
      if (power === undefined || power < least) return left;
      const op = s.next().word;
      left = { k: 'binary', op, left, right: parseBinary(s, power + 1), at: left.at };
    }
  });
}

function parseUnary(s: Stream): Node {
  const at = s.at;
  if (s.isAny('-', '+', '~')) {
    const op = s.next().word as '-';
    const of = s.nested(() => parseUnary(s));
    if (op === '-' && (of.k === 'int' || of.k === 'float') && !of.text.startsWith('-') && s.tokens[s.mark() - 1]?.text === of.text) {
      return { ...of, text: `-${of.text}`, at };
    }
    return { k: 'unary', op, of, at };
  }
  return parsePostfix(s, parsePrimary(s));
}

function parsePostfix(s: Stream, start: Node): Node {
  let node = start;
  for (;;) {
    if (s.is('.')) {
      if (s.peek().word === '*') return node;
      s.next();
      if (s.accept('(')) throw new SyntaxFault('Generalized field access is not supported', node.at, 'unsupported');
      node = { k: 'dot', of: node, name: s.anyName(), at: node.at };
      if (s.is('(')) {
        const path = pathOf(node);
        if (path) node = parseCall(s, path, node.at);
      }
    } else if (s.is('[')) {
      s.next();
      const index = parseExpression(s);
      s.expect(']');
      node = { k: 'index', of: node, index, at: node.at };
    } else return node;
  }
}

export function pathOf(node: Node): string[] | undefined {
  if (node.k === 'name') return [node.name];
  if (node.k !== 'dot') return undefined;
  const head = pathOf(node.of);
  return head && [...head, node.name];
}

export function startsQuery(s: Stream): boolean {
  for (let i = 0; ; i++) {
    const word = s.peek(i).word;
    if (word === '(') continue;
    return word === 'SELECT' || word === 'WITH' || (word === 'FROM' && i === 0);
  }
}

export function parseOptions(s: Stream) {
  s.expect('OPTIONS', '(');
  const entries: { name: string; value: Node; at: number }[] = [];
  if (!s.is(')')) {
    entries.push(
      ...s.list(() => {
        const at = s.at;
        const name = s.anyName();
        s.expect('=');
        return { name, value: parseExpression(s), at };
      }),
    );
  }
  s.expect(')');
  return { entries };
}
