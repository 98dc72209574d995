/** Expressions: operator precedence, calls, constructors, types. Queries inside expressions go through `Stream.parseQuery`. */
import type { CallNode, Node, OrderItem, PartNode, TypeNode, WindowRef, WindowSpec } from './ast.ts';
import { SyntaxFault } from './fault.ts';
import type { Stream } from './stream.ts';

/** Binding powers; NOT sits between AND and the comparisons. */
const BINARY: Readonly<Record<string, number>> = { '|': 5, '^': 6, '&': 7, '<<': 8, '>>': 8, '+': 9, '-': 9, '*': 10, '/': 10, '||': 10 };
const COMPARE = new Set(['=', '<', '>', '<=', '>=', '<>', '!=']);
const TYPED = new Set(['DATE', 'TIME', 'DATETIME', 'TIMESTAMP', 'NUMERIC', 'DECIMAL', 'BIGNUMERIC', 'BIGDECIMAL', 'JSON']);

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

function parseBinary(s: Stream, least: number): Node {
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

function parsePrimary(s: Stream): Node {
  const t = s.token;
  const at = t.at;
  switch (t.kind) {
    case 'int':
    case 'float':
      s.next();
      return { k: t.kind, text: t.text, at };
    case 'string': {
      s.next();
      return { k: 'string', value: t.text, at };
    }
    case 'bytes':
      s.next();
      return { k: 'bytes', value: t.bytes!, at };
    case 'param':
      s.next();
      return { k: 'param', name: t.text, at };
    case 'sysvar':
      s.next();
      return { k: 'sysvar', name: t.text, at };
    case 'op':
      return parsePunctuation(s);
    case 'ident':
      return parseWord(s);
    case 'eof':
      throw s.unexpected();
  }
}

function parsePunctuation(s: Stream): Node {
  const at = s.at;
  if (s.accept('?')) return { k: 'param', index: s.positional++, at };
  if (s.accept('[')) {
    const items = s.is(']') ? [] : s.list(() => parseExpression(s));
    s.expect(']');
    return { k: 'arrayCtor', items, at };
  }
  if (!s.is('(')) throw s.unexpected();
  if (startsQuery({ peek: (i: number) => s.peek(i + 1) } as Stream)) {
    const mark = s.mark();
    s.next();
    try {
      const query = s.parseQuery(s);
      if (s.accept(')')) return { k: 'scalarQuery', query, at };
    } catch (error) {
      // `((select 1) + 1)` starts like a query: only then is another reading possible.
      if (s.tokens[mark + 1]?.word !== '(') throw error;
    }
    s.rewind(mark);
  }
  s.expect('(');
  const items = s.list(() => parseExpression(s));
  s.expect(')');
  if (items.length === 1) return items[0]!;
  return { k: 'structCtor', items: items.map((value) => ({ value })), tuple: true, at };
}

function parseWord(s: Stream): Node {
  const t = s.token;
  const at = t.at;
  const opens = s.peek().word === '(';
  switch (t.word) {
    case 'NULL':
      s.next();
      return { k: 'null', at };
    case 'TRUE':
    case 'FALSE':
      s.next();
      return { k: 'bool', value: t.word === 'TRUE', at };
    case 'DEFAULT':
      s.next();
      return { k: 'default', at };
    case 'CASE':
      return parseCase(s);
    case 'EXISTS': {
      s.next();
      s.expect('(');
      const query = s.parseQuery(s);
      s.expect(')');
      return { k: 'exists', query, at };
    }
    case 'ARRAY':
      return parseArray(s);
    case 'STRUCT':
      return parseStruct(s);
    case 'INTERVAL': {
      if (opens && !['SELECT', 'WITH'].includes(s.peek(2).word) && isIntervalCall(s)) break;
      return parseInterval(s);
    }
    case 'CAST':
    case 'SAFE_CAST':
      if (opens) return parseCast(s, t.word === 'SAFE_CAST');
      break;
    case 'EXTRACT':
      if (opens) return parseExtract(s);
      break;
    case 'IF':
    case 'LEFT':
    case 'RIGHT':
    case 'GROUPING':
      if (opens) {
        s.next();
        return parseCall(s, [t.text], at);
      }
      throw s.unexpected();
    case 'RANGE':
      if (s.peek().word === '<') {
        const type = parseType(s);
        if (s.token.kind !== 'string') throw s.unexpected('string literal');
        return { k: 'rangeLiteral', type, value: s.next().text, at };
      }
      if (opens) {
        s.next();
        return parseCall(s, [t.text], at);
      }
      break;
    case 'UNNEST':
      throw new SyntaxFault('Syntax error: Unexpected keyword UNNEST', at);
    case 'TABLE':
      if (s.peek().kind === 'ident') {
        s.next();
        return { k: 'table', path: s.path(), at };
      }
      break;
  }
  if (TYPED.has(t.word) && s.peek().kind === 'string') {
    s.next();
    const value = s.next().text;
    return { k: 'typed', type: t.word, value, at };
  }
  if (!s.isIdentifier()) throw s.unexpected();
  s.next();
  if (s.is('->')) {
    s.next();
    return { k: 'lambda', params: [t.text], body: parseExpression(s), at };
  }
  return s.is('(') ? parseCall(s, [t.text], at) : { k: 'name', name: t.text, at };
}

function isIntervalCall(s: Stream): boolean {
  let depth = 0;
  for (let i = 1; ; i++) {
    const { word, kind } = s.peek(i);
    if (kind === 'eof') return false;
    if (word === '(') depth++;
    if (word === ')' && --depth === 0) return !(s.peek(i + 1).kind === 'ident' && PARTS.has(s.peek(i + 1).word));
  }
}

const PARTS = new Set(
  'MICROSECOND MILLISECOND SECOND MINUTE HOUR DAY WEEK ISOWEEK MONTH QUARTER YEAR ISOYEAR DAYOFWEEK DAYOFYEAR DATE TIME DATETIME NANOSECOND'.split(
    ' ',
  ),
);

export function parsePart(s: Stream): PartNode {
  const at = s.at;
  if (s.token.kind !== 'ident') throw s.unexpected('date part');
  const name = s.next().text.toUpperCase();
  if (name === 'WEEK' && s.accept('(')) {
    const weekday = s.identifier().toUpperCase();
    s.expect(')');
    return { name, weekday, at };
  }
  return { name, at };
}

function parseInterval(s: Stream): Node {
  const at = s.at;
  s.expect('INTERVAL');
  const value = parseBinary(s, 5);
  const part = parsePart(s);
  return s.accept('TO') ? { k: 'interval', value, part, to: parsePart(s), at } : { k: 'interval', value, part, at };
}

function parseCase(s: Stream): Node {
  const at = s.at;
  s.expect('CASE');
  const of = s.is('WHEN') ? undefined : parseExpression(s);
  const whens: { when: Node; value: Node }[] = [];
  while (s.accept('WHEN')) {
    const when = parseExpression(s);
    s.expect('THEN');
    whens.push({ when, value: parseExpression(s) });
  }
  if (whens.length === 0) throw s.unexpected('keyword WHEN');
  const otherwise = s.accept('ELSE') ? parseExpression(s) : undefined;
  s.expect('END');
  return { k: 'case', whens, at, ...(of && { of }), ...(otherwise && { otherwise }) };
}

function parseCast(s: Stream, safe: boolean): Node {
  const at = s.next().at;
  s.expect('(');
  const of = parseExpression(s);
  s.expect('AS');
  const type = parseType(s);
  const format = s.accept('FORMAT') ? parseExpression(s) : undefined;
  const zone = format && s.accept('AT', 'TIME', 'ZONE') ? parseExpression(s) : undefined;
  s.expect(')');
  return { k: 'cast', safe, of, type, at, ...(format && { format }), ...(zone && { zone }) };
}

function parseExtract(s: Stream): Node {
  const at = s.next().at;
  s.expect('(');
  const part = parsePart(s);
  s.expect('FROM');
  const of = parseExpression(s);
  const zone = s.accept('AT', 'TIME', 'ZONE') ? parseExpression(s) : undefined;
  s.expect(')');
  return { k: 'extract', part, of, at, ...(zone && { zone }) };
}

function parseArray(s: Stream): Node {
  const at = s.at;
  if (s.peek().word === '(') {
    s.next();
    s.next();
    const query = s.parseQuery(s);
    s.expect(')');
    return { k: 'arrayQuery', query, at };
  }
  const type = s.peek().word === '<' ? parseType(s) : undefined;
  if (!type) s.next();
  s.expect('[');
  const items = s.is(']') ? [] : s.list(() => parseExpression(s));
  s.expect(']');
  return { k: 'arrayCtor', items, at, ...(type && { type }) };
}

function parseStruct(s: Stream): Node {
  const at = s.at;
  const type = s.peek().word === '<' ? parseType(s) : undefined;
  if (!type) s.next();
  s.expect('(');
  const items = s.is(')')
    ? []
    : s.list(() => {
        const value = parseExpression(s);
        return s.accept('AS') ? { value, name: s.identifier() } : { value };
      });
  s.expect(')');
  return { k: 'structCtor', items, tuple: false, at, ...(type && { type }) };
}

export function parseType(s: Stream): TypeNode {
  return s.nested(() => {
    const at = s.at;
    const word = s.token.word;
    if (s.token.kind !== 'ident') throw s.unexpected('type');
    if (word === 'ARRAY' || word === 'RANGE') {
      s.next();
      s.expect('<');
      const element = parseType(s);
      closeAngle(s);
      return { k: word === 'ARRAY' ? 'array' : 'range', element, at };
    }
    if (word === 'STRUCT') {
      s.next();
      s.expect('<');
      const fields: { name: string; type: TypeNode }[] = [];
      if (!isCloseAngle(s)) {
        fields.push(
          ...s.list(() => {
            const named = s.isIdentifier() && s.peek().kind === 'ident';
            const name = named ? s.next().text : '';
            const type = parseType(s);
            const required = s.accept('NOT', 'NULL');
            return { name, type, ...(required && { required }), ...(s.is('OPTIONS') && { options: parseOptions(s) }) };
          }),
        );
      }
      closeAngle(s);
      return { k: 'struct', fields, at };
    }
    const name = word === 'INTERVAL' ? s.next().text : s.identifier('type');
    const parameters: number[] = [];
    if (s.accept('(')) {
      parameters.push(
        ...s.list(() => {
          if (s.token.kind !== 'int') {
            if (s.accept('MAX')) return Number.MAX_SAFE_INTEGER;
            throw s.unexpected('integer literal');
          }
          return Number(s.next().text);
        }),
      );
      s.expect(')');
    }
    if (s.accept('COLLATE')) s.next();
    return { k: 'simple', name, parameters, at };
  });
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

/** `>>` may close two types at once: the token is consumed by the outer one. */
const half = new WeakMap<Stream, number>();
function isCloseAngle(s: Stream): boolean {
  return s.is('>') || s.is('>>');
}
function closeAngle(s: Stream): void {
  if (s.is('>>')) {
    if (half.get(s) === s.mark()) {
      half.delete(s);
      s.next();
    } else half.set(s, s.mark());
    return;
  }
  s.expect('>');
}

export function parseOrderItems(s: Stream): OrderItem[] {
  return s.list(() => {
    const of = parseExpression(s);
    const collate = s.accept('COLLATE') ? parseExpression(s) : undefined;
    const desc = s.either('DESC', 'ASC');
    const nulls = s.accept('NULLS') ? (s.next().word as 'FIRST' | 'LAST') : undefined;
    return { of, desc, ...(nulls && { nulls }), ...(collate && { collate }) };
  });
}

function parseCall(s: Stream, path: string[], at: number): CallNode {
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
