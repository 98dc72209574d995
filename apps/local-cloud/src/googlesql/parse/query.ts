/** Queries: SELECT, set operations, FROM with its joins and postfix operators, pipe syntax. */
import type { Cte, From, GroupItem, Node, PipeOp, Query, QueryBody, Select, SelectItem, WindowRef } from './ast.ts';
import { parseExpression, parseOrderItems, parseWindowRef } from './expression.ts';
import { SyntaxFault } from './fault.ts';
import type { Stream } from './stream.ts';

export function parseQuery(s: Stream): Query {
  return s.nested(() => {
    const at = s.at;
    let recursive = false;
    const ctes: Cte[] = [];
    if (s.accept('WITH')) {
      recursive = s.accept('RECURSIVE');
      ctes.push(
        ...s.list(() => {
          const at = s.at;
          const name = s.identifier();
          s.expect('AS', '(');
          const query = parseQuery(s);
          s.expect(')');
          return { name, query, at };
        }),
      );
    }
    let body = parseSetOperation(s);
    const order = s.accept('ORDER', 'BY') ? parseOrderItems(s) : [];
    const limit = s.accept('LIMIT') ? parseExpression(s) : undefined;
    const offset = limit && s.accept('OFFSET') ? parseExpression(s) : undefined;
    if (s.is('|>')) {
      if (order.length > 0 || limit) {
        const query: Query = {
          with: [],
          recursive: false,
          body,
          order,
          at,
          end: s.previousEnd,
          ...(limit && { limit }),
          ...(offset && { offset }),
        };
        body = { k: 'query', query, at };
      }
      while (s.accept('|>')) body = { k: 'pipe', input: body, op: parsePipe(s), at };
      return { with: ctes, recursive, body, order: [], at, end: s.previousEnd };
    }
    if (body.k === 'fromOnly') throw new SyntaxFault('Syntax error: Unexpected keyword FROM', at);
    return { with: ctes, recursive, body, order, at, end: s.previousEnd, ...(limit && { limit }), ...(offset && { offset }) };
  });
}

type SetOp = Extract<QueryBody, { k: 'set' }>;
function parseSetOperation(s: Stream): QueryBody {
  let left = parsePrimaryQuery(s);
  let first: string | undefined;
  for (;;) {
    const mode = setMode(s);
    if (!s.isAny('UNION', 'INTERSECT', 'EXCEPT')) return left;
    const { at } = s.token;
    const operator = parseSetOperator(s, mode);
    first ??= operator.op;
    if (operator.op !== first)
      throw new SyntaxFault('Different set operations cannot be used in the same query without using parentheses for grouping', at);
    left = { k: 'set', ...operator, left, right: parsePrimaryQuery(s), at: left.at };
  }
}

/** `LEFT OUTER UNION ALL BY NAME` and the like. */
function setMode(s: Stream): 'INNER' | 'LEFT' | 'FULL' | undefined {
  const word = s.token.word;
  if (word !== 'INNER' && word !== 'LEFT' && word !== 'FULL') return undefined;
  const ahead = s.peek().word === 'OUTER' ? 2 : 1;
  if (!['UNION', 'INTERSECT', 'EXCEPT'].includes(s.peek(ahead).word)) return undefined;
  for (let i = 0; i < ahead; i++) s.next();
  return word;
}

function parseSetOperator(s: Stream, mode: 'INNER' | 'LEFT' | 'FULL' | undefined): Pick<SetOp, 'op' | 'byName'> {
  const word = s.next().word;
  if (!s.isAny('ALL', 'DISTINCT')) throw s.unexpected('keyword ALL or keyword DISTINCT');
  const op = `${word} ${s.next().word}` as SetOp['op'];
  const strict = s.accept('STRICT');
  const corresponding = s.accept('CORRESPONDING');
  if (!corresponding && !s.accept('BY', 'NAME')) return { op };
  const on = s.accept(corresponding ? 'BY' : 'ON') ? names(s) : undefined;
  return { op, byName: { corresponding, mode: mode ?? (strict ? 'STRICT' : corresponding ? 'INNER' : 'STRICT'), ...(on && { on }) } };
}

function names(s: Stream): string[] {
  s.expect('(');
  const out = s.list(() => s.identifier());
  s.expect(')');
  return out;
}

function parsePrimaryQuery(s: Stream): QueryBody {
  const at = s.at;
  if (s.accept('(')) {
    const query = parseQuery(s);
    s.expect(')');
    return { k: 'query', query, at };
  }
  if (s.is('FROM')) {
    s.next();
    return { k: 'fromOnly', from: parseFrom(s), at };
  }
  return parseSelect(s);
}

function parseSelect(s: Stream): Select {
  const at = s.at;
  s.expect('SELECT');
  if (s.accept('WITH')) throw new SyntaxFault(`SELECT WITH ${s.token.text} is not supported`, at, 'unsupported');
  const distinct = s.either('DISTINCT', 'ALL');
  let as: Select['as'];
  if (s.is('AS') && s.isAny('AS') && ['STRUCT', 'VALUE'].includes(s.peek().word)) {
    s.next();
    as = s.next().word as 'STRUCT';
  }
  const items = parseSelectList(s);
  const select: { -readonly [K in keyof Select]: Select[K] } = { k: 'select', distinct, items, windows: [], at };
  if (as) select.as = as;
  if (s.accept('FROM')) select.from = parseFrom(s);
  if (s.accept('WHERE')) select.where = parseExpression(s);
  if (s.is('GROUP')) select.groupBy = parseGroupBy(s);
  if (s.accept('HAVING')) select.having = parseExpression(s);
  if (s.accept('QUALIFY')) select.qualify = parseExpression(s);
  select.windows = parseWindows(s);
  return select;
}

function parseWindows(s: Stream): { name: string; spec: WindowRef }[] {
  if (!s.accept('WINDOW')) return [];
  return s.list(() => {
    const name = s.identifier();
    s.expect('AS');
    return { name, spec: parseWindowRef(s) };
  });
}

function parseSelectList(s: Stream): SelectItem[] {
  const items: SelectItem[] = [];
  do {
    if (items.length > 0 && (s.isAny('FROM', 'WHERE', ')', 'GROUP', 'ORDER', 'LIMIT', '|>', 'UNION') || s.token.kind === 'eof')) break;
    items.push(parseSelectItem(s));
  } while (s.accept(','));
  return items;
}

function parseSelectItem(s: Stream): SelectItem {
  const at = s.at;
  if (s.accept('*')) return starModifiers(s, undefined, at);
  const of = parseExpression(s);
  if (s.is('.') && s.peek().word === '*') {
    s.next();
    s.next();
    return starModifiers(s, of, at);
  }
  const alias = s.alias();
  return { k: 'expr', of, at, ...(alias !== undefined && { alias }) };
}

function starModifiers(s: Stream, of: Node | undefined, at: number): SelectItem {
  const except = s.is('EXCEPT') && s.peek().word === '(' ? (s.next(), names(s)) : [];
  let replace: { of: Node; name: string }[] = [];
  if (s.accept('REPLACE')) {
    s.expect('(');
    replace = s.list(() => {
      const value = parseExpression(s);
      s.expect('AS');
      return { of: value, name: s.identifier() };
    });
    s.expect(')');
  }
  return { k: 'star', except, replace, at, ...(of && { of }) };
}

function parseGroupBy(s: Stream): NonNullable<Select['groupBy']> {
  const at = s.at;
  s.expect('GROUP');
  s.accept('AND');
  s.expect('BY');
  if (s.accept('ALL')) return { all: true, items: [], at };
  return { all: false, items: s.list(() => parseGroupItem(s)), at };
}

function parseGroupItem(s: Stream): GroupItem {
  const at = s.at;
  if (s.accept('GROUPING', 'SETS')) {
    s.expect('(');
    const sets = s.list(() => parseGroupItem(s));
    s.expect(')');
    return { k: 'sets', sets, at };
  }
  if (s.isAny('ROLLUP', 'CUBE')) {
    const k = s.next().word === 'CUBE' ? 'cube' : 'rollup';
    s.expect('(');
    const items = s.list(() => {
      const item = parseExpression(s);
      return item.k === 'structCtor' && item.tuple ? item.items.map((i) => i.value) : [item];
    });
    s.expect(')');
    return { k, items, at };
  }
  if (s.is('(') && s.peek().word === ')') {
    s.next();
    s.next();
    return { k: 'tuple', items: [], at };
  }
  const of = parseExpression(s);
  if (of.k === 'structCtor' && of.tuple) return { k: 'tuple', items: of.items.map((i) => i.value), at };
  return { k: 'expr', of, at };
}

const JOIN_WORDS = ['JOIN', 'INNER', 'LEFT', 'RIGHT', 'FULL', 'CROSS'];
/** Commas and joins associate to the left alike: `a, b JOIN c` is `(a, b) JOIN c`. */
export function parseFrom(s: Stream): From {
  let left = parseFromItem(s);
  for (;;) {
    if (s.accept(',')) left = { k: 'join', kind: 'COMMA', left, right: parseFromItem(s), at: left.at };
    else if (s.isAny(...JOIN_WORDS) && !isSetMode(s)) left = parseJoin(s, left);
    else return left;
  }
}
function isSetMode(s: Stream): boolean {
  return ['UNION', 'INTERSECT', 'EXCEPT'].includes(s.peek(s.peek().word === 'OUTER' ? 2 : 1).word);
}

function parseJoin(s: Stream, left: From): From {
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

function isPivot(s: Stream): boolean {
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

function parsePivot(s: Stream, input: From): From {
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

function parseUnpivot(s: Stream, input: From): From {
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

function parsePipe(s: Stream): PipeOp {
  const at = s.at;
  if (s.accept('WHERE')) return { op: 'where', of: parseExpression(s) };
  if (s.accept('SELECT')) {
    const distinct = s.accept('DISTINCT');
    return { op: 'select', distinct, items: parseSelectList(s), windows: parseWindows(s) };
  }
  if (s.accept('EXTEND')) return { op: 'extend', distinct: false, items: parseSelectList(s), windows: parseWindows(s) };
  if (s.accept('SET')) {
    return {
      op: 'set',
      items: s.list(() => {
        const name = s.identifier();
        s.expect('=');
        return { name, of: parseExpression(s) };
      }),
    };
  }
  if (s.accept('DROP')) return { op: 'drop', names: s.list(() => s.identifier()) };
  if (s.accept('RENAME')) {
    return {
      op: 'rename',
      items: s.list(() => {
        const from = s.identifier();
        s.accept('AS');
        return { from, to: s.identifier() };
      }),
    };
  }
  if (s.accept('AS')) return { op: 'as', alias: s.identifier() };
  if (s.accept('ORDER', 'BY')) return { op: 'order', order: parseOrderItems(s) };
  if (s.accept('LIMIT')) {
    const limit = parseExpression(s);
    return s.accept('OFFSET') ? { op: 'limit', limit, offset: parseExpression(s) } : { op: 'limit', limit };
  }
  if (s.accept('AGGREGATE')) {
    const items = s.is('GROUP') ? [] : parseSelectList(s);
    s.accept('GROUP', 'AND', 'ORDER', 'BY');
    const groups: { of: Node; alias?: string; at: number }[] = [];
    if (s.accept('GROUP', 'BY')) {
      groups.push(
        ...s.list(() => {
          const at = s.at;
          const of = parseExpression(s);
          const alias = s.alias();
          return { of, at, ...(alias !== undefined && { alias }) };
        }),
      );
    }
    return { op: 'aggregate', items, groups };
  }
  if (s.accept('DISTINCT')) return { op: 'distinct' };
  if (s.isAny(...JOIN_WORDS) && !isSetMode(s)) {
    const mark = s.mark();
    parseJoin(s, { k: 'path', path: ['_'], at });
    const end = s.mark();
    return {
      op: 'join',
      make: (left) => {
        const back = s.mark();
        s.rewind(mark);
        const joined = parseJoin(s, left);
        if (s.mark() !== end) throw s.unexpected();
        s.rewind(back);
        return joined;
      },
    };
  }
  const mode = setMode(s);
  if (s.isAny('UNION', 'INTERSECT', 'EXCEPT')) {
    const operator = parseSetOperator(s, mode);
    const queries = s.list(() => {
      s.expect('(');
      const query = parseQuery(s);
      s.expect(')');
      return query;
    });
    return {
      op: 'set-op',
      make: (left) =>
        queries.reduce<QueryBody>((l, query) => ({ k: 'set', ...operator, left: l, right: { k: 'query', query, at }, at }), left),
    };
  }
  if (isPivot(s)) {
    const pivot = s.is('PIVOT') ? parsePivot(s, { k: 'path', path: ['_'], at }) : parseUnpivot(s, { k: 'path', path: ['_'], at });
    return { op: 'pivot', make: (left) => ({ ...pivot, input: left }) as From };
  }
  throw new SyntaxFault(`Pipe operator ${s.token.text.toUpperCase()} is not supported`, at, 'unsupported');
}
