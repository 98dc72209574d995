/** Pipe syntax: each operator is a SELECT over what came before. */
import type { QueryBody, Select, SelectItem } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import type { Env, Relation } from './unit.ts';

type Compile = (body: QueryBody) => Relation;
type Pipe = QueryBody & { k: 'pipe' };

const star = (at: number, except: readonly string[] = []): SelectItem => ({ k: 'star', except, replace: [], at });

/** Rewrites one pipe operator into an ordinary query body and compiles it. */
export function pipe(body: Pipe, _env: Env, compile: Compile): Relation {
  return compile(rewrite(body));
}

function rewrite(body: Pipe): QueryBody {
  const { input, op, at } = body;
  const before = input.k === 'pipe' ? rewrite(input) : input;
  const alias = before.k === 'select' && 'pipeAlias' in before ? (before as { pipeAlias?: string }).pipeAlias : undefined;
  const from: Select['from'] =
    before.k === 'fromOnly'
      ? before.from
      : {
          k: 'query',
          query: { with: [], recursive: false, body: before, order: [], at, end: at },
          at,
          ...(alias !== undefined && { alias }),
        };
  const select = (items: readonly SelectItem[], rest: Partial<Select> = {}): Select => ({
    k: 'select',
    distinct: false,
    items,
    from,
    windows: [],
    at,
    ...rest,
  });
  switch (op.op) {
    case 'where':
      // A filter over window columns of EXTEND needs nothing special: they are columns by now.
      return select([star(at)], { where: op.of });
    case 'select':
      return select(op.items, { distinct: op.distinct, windows: op.windows });
    case 'extend':
      return select([star(at), ...op.items], { windows: op.windows });
    case 'set':
      return select([{ k: 'star', except: [], replace: op.items.map((i) => ({ of: i.of, name: i.name })), at }]);
    case 'drop':
      return select([star(at, op.names)]);
    case 'rename':
      return select([
        star(
          at,
          op.items.map((i) => i.from),
        ),
        ...op.items.map((i): SelectItem => ({ k: 'expr', of: { k: 'name', name: i.from, at }, alias: i.to, at })),
      ]);
    case 'distinct':
      return select([star(at)], { distinct: true });
    case 'as':
      return Object.assign(select([star(at)]), { pipeAlias: op.alias });
    case 'order':
      return { k: 'query', query: { with: [], recursive: false, body: select([star(at)]), order: op.order, at, end: at }, at };
    case 'limit': {
      const { limit, offset } = op;
      const inner = before.k === 'query' && !before.query.limit ? before.query : undefined;
      const base = inner ?? { with: [], recursive: false, body: select([star(at)]), order: [], at, end: at };
      return { k: 'query', query: { ...base, limit, ...(offset && { offset }) }, at };
    }
    case 'aggregate': {
      const keys = op.groups.map((g): SelectItem => ({ k: 'expr', of: g.of, at: g.at, ...(g.alias !== undefined && { alias: g.alias }) }));
      const groupBy =
        op.groups.length > 0
          ? { groupBy: { all: false, items: op.groups.map((g) => ({ k: 'expr' as const, of: g.of, at: g.at })), at } }
          : { groupBy: { all: false, items: [], at } };
      return select([...keys, ...op.items], groupBy);
    }
    case 'join':
      return { k: 'fromOnly', from: op.make(from!), at };
    case 'pivot':
      return { k: 'fromOnly', from: op.make(from!), at };
    case 'set-op':
      return op.make(before.k === 'fromOnly' ? select([star(at)]) : before);
    default:
      throw new SyntaxFault('Pipe operator is not supported', at, 'unsupported');
  }
}
