/** SQL functions of users: their body is analysed in place with the arguments as names. */
import type { CatalogRoutine } from '../contract.ts';
import { costOf } from '../functions/signature.ts';
import type { CallNode, Node } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { parseLoneExpression } from '../parse/statement.ts';
import { formatType } from '../sql-type.ts';
import { coerce } from './convert.ts';
import { emptyScope } from './scope.ts';
import type { Typed } from './typed.ts';
import type { Env } from './unit.ts';

/** `f`, `dataset.f`, `project.dataset.f`; a name alone is a temporary function, kept by the catalog in the dataset `_SESSION`. */
export function findRoutine(path: readonly string[], env: Env): CatalogRoutine | undefined {
  const parts = path.flatMap((p) => p.split('.'));
  const { catalog } = env.unit.context;
  const name = parts.at(-1)!;
  if (parts.length === 1) {
    return (
      catalog.routine(catalog.defaultProject, '_SESSION', name) ??
      (catalog.defaultDataset !== undefined ? catalog.routine(catalog.defaultProject, catalog.defaultDataset, name) : undefined)
    );
  }
  if (parts.length > 3) return undefined;
  return catalog.routine(parts.length === 3 ? parts[0]! : catalog.defaultProject, parts.at(-2)!, name);
}

export function bindArguments(routine: CatalogRoutine, args: readonly Typed[], at: number): Map<string, Typed> {
  const { path } = routine;
  if (args.length !== routine.args.length) {
    throw new SyntaxFault(
      `Number of arguments does not match for function ${path.dataset}.${path.routine}: expected ${routine.args.length}, got ${args.length}`,
      at,
    );
  }
  const locals = new Map<string, Typed>();
  for (const [i, arg] of args.entries()) {
    const { name, type } = routine.args[i]!;
    if (type !== 'ANY TYPE' && costOf(arg, type) === undefined) {
      throw new SyntaxFault(
        `No matching signature for function ${path.routine} for argument types: ${args.map((a) => formatType(a.type)).join(', ')}. Supported signature: ${path.routine}(${routine.args
          .map((a) => (a.type === 'ANY TYPE' ? a.type : formatType(a.type)))
          .join(', ')})`,
        at,
      );
    }
    const { type: given, sql } = type === 'ANY TYPE' ? arg : coerce(arg, type);
    locals.set(name.toLowerCase(), { type: given, sql, ...(arg.untyped && type === 'ANY TYPE' && { untyped: true }) });
  }
  return locals;
}

export function callRoutine(node: CallNode, env: Env, analyze: (node: Node, env: Env) => Typed): Typed | undefined {
  const { unit } = env;
  const routine = findRoutine(node.path, env);
  if (routine?.kind !== 'SCALAR') return undefined;
  const locals = bindArguments(
    routine,
    node.args.map((a) => analyze(a, env)),
    node.at,
  );
  return unit.expanding(node.path.join('.'), node.at, () => {
    let body: Typed;
    try {
      body = analyze(parseLoneExpression(routine.bodySql), { unit, scope: emptyScope(), ctes: new Map(), locals });
    } catch (error) {
      if (error instanceof SyntaxFault)
        throw new SyntaxFault(`Invalid function ${node.path.join('.')}: ${error.message}`, node.at, error.reason);
      throw error;
    }
    if (!routine.returns) return { type: body.type, sql: body.sql };
    if (costOf(body, routine.returns) === undefined) {
      throw new SyntaxFault(
        `Function ${node.path.join('.')} returns ${formatType(body.type)}, which cannot be coerced to ${formatType(routine.returns)}`,
        node.at,
      );
    }
    const { type, sql } = coerce(body, routine.returns);
    return { type, sql: node.safe ? `TRY(${sql})` : sql };
  });
}
