/** One operator of pipe syntax, behind `|>`. */
import type { From, Node, PipeOp, QueryBody } from './ast.ts';
import { parseOrderItems } from './call.ts';
import { parseExpression } from './expression.ts';
import { SyntaxFault } from './fault.ts';
import { isPivot, isSetMode, JOIN_WORDS, parseJoin, parsePivot, parseUnpivot } from './from.ts';
import { parseQuery, parseSelectList, parseSetOperator, parseWindows, setMode } from './query.ts';
import type { Stream } from './stream.ts';

export function parsePipe(s: Stream): PipeOp {
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
