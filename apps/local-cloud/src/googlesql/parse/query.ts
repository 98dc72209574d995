/** Queries: WITH, SELECT and set operations. */
import type { Cte, GroupItem, Node, Query, QueryBody, Select, SelectItem, WindowRef } from './ast.ts';
import { parseOrderItems, parseWindowRef } from './call.ts';
import { parseExpression } from './expression.ts';
import { SyntaxFault } from './fault.ts';
import { parseFrom } from './from.ts';
import { parsePipe } from './pipe.ts';
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
export function setMode(s: Stream): 'INNER' | 'LEFT' | 'FULL' | undefined {
  const word = s.token.word;
  if (word !== 'INNER' && word !== 'LEFT' && word !== 'FULL') return undefined;
  const ahead = s.peek().word === 'OUTER' ? 2 : 1;
  if (!['UNION', 'INTERSECT', 'EXCEPT'].includes(s.peek(ahead).word)) return undefined;
  for (let i = 0; i < ahead; i++) s.next();
  return word;
}

export function parseSetOperator(s: Stream, mode: 'INNER' | 'LEFT' | 'FULL' | undefined): Pick<SetOp, 'op' | 'byName'> {
  const word = s.next().word;
  if (!s.isAny('ALL', 'DISTINCT')) throw s.unexpected('keyword ALL or keyword DISTINCT');
  const op = `${word} ${s.next().word}` as SetOp['op'];
  const strict = s.accept('STRICT');
  const corresponding = s.accept('CORRESPONDING');
  if (!corresponding && !s.accept('BY', 'NAME')) return { op };
  const on = s.accept(corresponding ? 'BY' : 'ON') ? names(s) : undefined;
  return { op, byName: { corresponding, mode: mode ?? (strict ? 'STRICT' : corresponding ? 'INNER' : 'STRICT'), ...(on && { on }) } };
}

export function names(s: Stream): string[] {
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

export function parseWindows(s: Stream): { name: string; spec: WindowRef }[] {
  if (!s.accept('WINDOW')) return [];
  return s.list(() => {
    const name = s.identifier();
    s.expect('AS');
    return { name, spec: parseWindowRef(s) };
  });
}

export function parseSelectList(s: Stream): SelectItem[] {
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
