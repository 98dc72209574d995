/**
 * FROM: tables, views, UNNEST, subqueries, joins. The result is DuckDB text and the scope of what it offers.
 *
 * 1. Every source gets an alias of its own; GoogleSQL names live in the scope only.
 * 2. The right side of a join or comma sees the left side (correlated UNNEST).
 */
import type { CatalogTable, SqlType, TablePath } from '../contract.ts';
import { commonType, costOf } from '../functions/signature.ts';
import { nearest } from '../nearest.ts';
import type { From, Query } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { parseLoneExpression, parseLoneQuery } from '../parse/statement.ts';
import { BOOL, formatType, INT64, quote, STRING, TIMESTAMP } from '../sql-type.ts';
import { coerce } from './convert.ts';
import { analyze } from './expression.ts';
import { inferName } from './names.ts';
import { want } from './operator.ts';
import { pivot, unpivot } from './pivot.ts';
import { bindArguments, findRoutine } from './routine.ts';
import { emptyScope, resolve, type Scope, type ScopeColumn, type Source, valueScope } from './scope.ts';
import { render, subquery } from './subquery.ts';
import { raw, type Typed } from './typed.ts';
import type { Env, Relation } from './unit.ts';

type CompileQuery = (query: Query, env: Env) => Relation;

export function analyzeFrom(from: From, env: Env, compileQuery: CompileQuery): Source {
  switch (from.k) {
    case 'path':
      return analyzePath(from, env, compileQuery);
    case 'unnest':
      return unnest(analyze(from.of, env), from.alias ?? undefined, from.offset, from.at, env, inferName(from.of));
    case 'query':
      return ofRelation(compileQuery(from.query, subquery(env)), from.alias, env);
    case 'rows':
      throw new SyntaxFault('Unexpected table expression', from.at);
    case 'join':
      return analyzeJoin(from, env, compileQuery);
    case 'tvf':
      return tableFunction(from, env, compileQuery);
    case 'pivot':
      return pivot(from, analyzeFrom(from.input, env, compileQuery), env);
    case 'unpivot':
      return unpivot(from, analyzeFrom(from.input, env, compileQuery), env);
    case 'sample': {
      if (from.input.k === 'unnest') throw new SyntaxFault('TABLESAMPLE cannot be used with arrays', from.at);
      const input = analyzeFrom(from.input, env, compileQuery);
      const size = analyze(from.size, { ...env, scope: emptyScope() });
      env.unit.deterministic = false;
      if (typeof size.literal !== 'bigint' && typeof size.literal !== 'number')
        throw new SyntaxFault('TABLESAMPLE size must be a literal', from.at, 'unsupported');
      return { ...input, sql: `${input.sql} TABLESAMPLE SYSTEM(${Number(size.literal)} PERCENT)` };
    }
    default:
      throw from satisfies never;
  }
}

export function ofRelation(relation: Relation, alias: string | undefined, env: Env): Source {
  return ofColumns(`(${render(relation)})`, relation.columns, relation.value, alias, env);
}

function ofColumns(sql: string, columns: Relation['columns'], value: boolean, alias: string | undefined, env: Env): Source {
  const name = env.unit.alias();
  const out: ScopeColumn[] = columns.map((c) => ({ name: c.name ?? '', type: c.type, sql: `${name}.${c.sql}` }));
  const text = `${sql} AS ${name}`;
  if (value) return { sql: text, scope: valueScope(raw(out[0]!.type, out[0]!.sql), alias, [], env.scope) };
  return { sql: text, scope: { parent: env.scope, ranges: [{ alias, columns: out }], columns: out } };
}

function unnest(
  array: Typed,
  alias: string | undefined,
  offset: string | true | undefined,
  at: number,
  env: Env,
  implied: string | undefined,
): Source {
  if (array.untyped) throw new SyntaxFault('UNNEST of an untyped NULL is not supported', at);
  if (array.type.kind !== 'ARRAY')
    throw new SyntaxFault(`Values referenced in UNNEST must be arrays. UNNEST contains expression of type ${formatType(array.type)}`, at);
  const name = env.unit.alias();
  const { element } = array.type;
  const shown = alias ?? implied;
  if (offset === undefined) {
    const value = raw(element, `${name}.v`);
    return { sql: `(SELECT unnest(${array.sql}) AS v) AS ${name}`, scope: valueScope(value, shown, [], env.scope), lateral: true };
  }
  const column: ScopeColumn = { name: offset === true ? 'offset' : offset, type: INT64, sql: `${name}.o` };
  const sql = `(SELECT gs_u.v, gs_u.o - 1 AS o FROM unnest(${array.sql}) WITH ORDINALITY AS gs_u(v, o)) AS ${name}`;
  return { sql, scope: valueScope(raw(element, `${name}.v`), shown, [column], env.scope), lateral: true };
}

type PathFrom = From & { k: 'path' };
function analyzePath(from: PathFrom, env: Env, compileQuery: CompileQuery): Source {
  const [head] = from.path;
  const alias = from.alias ?? from.path.at(-1)!;
  if (from.path.length === 1) {
    const cte = env.ctes.get(head!.toLowerCase());
    if (cte) return ofColumns(cte.sql, cte.columns, cte.value, alias, env);
  }
  if (from.path.length > 1 || env.locals?.has(head!.toLowerCase())) {
    const local = env.locals?.get(head!.toLowerCase());
    const found = local && from.path.length === 1 ? { value: local, rest: [] } : correlated(from, env);
    if (found) {
      if (found.rest.length > 0)
        throw new SyntaxFault(`Cannot access field ${found.rest[0]} on a value with type ${formatType(found.value.type)}`, from.at);
      return unnest(found.value, from.alias, from.offset, from.at, env, from.path.at(-1)!);
    }
  }
  if (from.offset !== undefined) throw new SyntaxFault('WITH OFFSET can only be used with array scans', from.at);
  if (from.asOf) throw new SyntaxFault('FOR SYSTEM_TIME AS OF is not supported', from.at, 'unsupported');
  return tableSource(from.path, alias, from.at, env, compileQuery);
}

/** `t.array_column` in FROM means UNNEST when `t` is a range variable or column in scope. */
function correlated(from: PathFrom, env: Env): { value: Typed; rest: readonly string[] } | undefined {
  const head = from.path[0]!.toLowerCase();
  for (let s: Scope | undefined = env.scope; s; s = s.parent) {
    if (s.ranges.some((r) => r.alias?.toLowerCase() === head)) return resolve(env.scope, from.path, from.at);
  }
  return undefined;
}

export function tablePath(path: readonly string[], env: Env, at: number): TablePath {
  const parts = path.flatMap((p) => p.split('.'));
  const { catalog } = env.unit.context;
  if (parts.length > 3 && parts[0]!.includes(':') === false && parts.length !== 4)
    throw new SyntaxFault(`Invalid table name: ${path.join('.')}`, at);
  if (parts.length === 1) {
    return { project: catalog.defaultProject, dataset: catalog.defaultDataset ?? '', table: parts[0]! };
  }
  const table = parts.at(-1)!;
  return { project: parts.length >= 3 ? parts.slice(0, -2).join('.') : catalog.defaultProject, dataset: parts.at(-2)!, table };
}

/** A table by its written path; temporary ones live in the dataset `_SESSION` and are found by name alone. */
export function findTable(path: readonly string[], env: Env, at: number): CatalogTable {
  const { catalog } = env.unit.context;
  const full = tablePath(path, env, at);
  const parts = path.flatMap((p) => p.split('.'));
  if (parts.length === 1) {
    const temporary = catalog.table({ project: catalog.defaultProject, dataset: '_SESSION', table: parts[0]! });
    if (temporary) return temporary;
    if (catalog.defaultDataset === undefined) {
      throw new SyntaxFault(`Table "${parts[0]}" must be qualified with a dataset (e.g. dataset.table)`, undefined, 'invalid');
    }
  }
  const found = catalog.table(full);
  if (found) return found;
  demandDataset(full.project, full.dataset, env, at);
  const hint = nearest(full.table, catalog.names('table', full.project, full.dataset));
  throw new SyntaxFault(
    `Not found: Table ${full.project}:${full.dataset}.${full.table} was not found in location US${hint ? `; Did you mean ${hint}?` : ''}`,
    at,
    'notFound',
  );
}

function demandDataset(project: string, dataset: string, env: Env, at: number): void {
  if (env.unit.context.catalog.datasetExists(project, dataset)) return;
  throw new SyntaxFault(`Not found: Dataset ${project}:${dataset} was not found in location US`, at, 'notFound');
}

function tableSource(path: readonly string[], alias: string, at: number, env: Env, compileQuery: CompileQuery): Source {
  const parts = path.flatMap((p) => p.split('.'));
  const info = parts.findIndex((p) => p.toUpperCase() === 'INFORMATION_SCHEMA');
  if (info >= 0) return informationSchema(parts, parts.slice(0, info), parts.slice(info + 1).join('.'), alias, at, env, compileQuery);
  if (/^__TABLES(_SUMMARY)?__$/i.test(parts.at(-1)!))
    return informationSchema(parts, parts.slice(0, -1), parts.at(-1)!, alias, at, env, compileQuery);
  if (parts.at(-1)!.endsWith('*')) return wildcard(parts, alias, at, env);
  return readTable(findTable(path, env, at), alias, at, env, compileQuery);
}

function informationSchema(
  parts: readonly string[],
  before: readonly string[],
  view: string,
  alias: string,
  at: number,
  env: Env,
  compileQuery: CompileQuery,
): Source {
  const { catalog } = env.unit.context;
  const region = before.find((p) => /^region-/i.test(p));
  const rest = before.filter((p) => p !== region);
  const project = region ? rest[0] : rest.length > 1 ? rest[0] : undefined;
  const dataset = region ? undefined : rest.at(-1);
  const scope = {
    project: project ?? catalog.defaultProject,
    ...(dataset !== undefined && { dataset }),
    ...(region && { region: region.slice(7) }),
  };
  if (dataset !== undefined) demandDataset(scope.project, dataset, env, at);
  const table = catalog.informationSchema(view.toUpperCase(), scope);
  if (!table) throw new SyntaxFault(`Not found: Table ${parts.join('.')} was not found in location US`, at, 'notFound');
  return readTable(table, alias, at, env, compileQuery);
}

export function rowFilter(table: CatalogTable, scope: Scope, env: Env, at: number): string | undefined {
  if (table.rowFilters === undefined) return undefined;
  if (table.rowFilters.length === 0) return 'false';
  const inner: Env = {
    unit: env.unit,
    scope: { ...scope, parent: undefined },
    ctes: new Map(),
    noAggregates: 'row access policy',
    noWindows: 'row access policy',
  };
  return `(${table.rowFilters.map((f) => want(analyze(parseLoneExpression(f), inner), BOOL, at, 'row access policy').sql).join(' OR ')})`;
}

function readTable(table: CatalogTable, alias: string, at: number, env: Env, compileQuery: CompileQuery): Source {
  const used = env.unit.read(table.path);
  if (table.kind === 'VIEW') return readView(table, alias, at, env, compileQuery);
  const name = env.unit.alias();
  const columns = tableColumns(table, name, used);
  const visible: Scope = { parent: env.scope, ranges: [{ alias, columns }], columns };
  const filter = rowFilter(table, visible, env, at);
  const sql = filter ? `(SELECT * FROM ${table.physical} AS ${name} WHERE ${filter}) AS ${name}` : `${table.physical} AS ${name}`;
  return { sql, scope: visible };
}

/** The columns of a table under an alias, with its pseudo-columns. */
export function tableColumns(table: CatalogTable, name: string, used: (column?: string) => void = () => {}): ScopeColumn[] {
  const columns: ScopeColumn[] = table.columns.map((c) => ({
    name: c.name,
    type: c.type,
    sql: `${name}.${quote(c.name)}`,
    used: () => used(c.name),
  }));
  if (table.partitioning?.column === '_PARTITIONTIME') {
    const sql = `${name}."_PARTITIONTIME"`;
    columns.push({ name: '_PARTITIONTIME', type: TIMESTAMP, sql, hidden: true });
    if (table.partitioning.granularity === 'DAY') {
      columns.push({ name: '_PARTITIONDATE', type: { kind: 'DATE' }, sql: `CAST((${sql} AT TIME ZONE 'UTC') AS DATE)`, hidden: true });
    }
  }
  return columns;
}

function readView(table: CatalogTable, alias: string, at: number, env: Env, compileQuery: CompileQuery): Source {
  const { unit } = env;
  return unit.expanding(`${table.path.dataset}.${table.path.table}`, at, () => {
    let relation: Relation;
    try {
      relation = compileQuery(parseLoneQuery(table.viewSql!), { unit, scope: emptyScope(), ctes: new Map() });
    } catch (error) {
      if (error instanceof SyntaxFault) {
        throw new SyntaxFault(
          `Invalid view ${table.path.project}.${table.path.dataset}.${table.path.table}: ${error.message}`,
          at,
          error.reason,
        );
      }
      throw error;
    }
    const named =
      table.columns.length === relation.columns.length
        ? { ...relation, columns: relation.columns.map((c, i) => ({ ...c, name: table.columns[i]!.name })) }
        : relation;
    return ofRelation(named, alias, env);
  });
}

function wildcard(parts: readonly string[], alias: string, at: number, env: Env): Source {
  const { catalog } = env.unit.context;
  const prefix = parts.at(-1)!.slice(0, -1);
  const project = parts.length >= 3 ? parts.slice(0, -2).join('.') : catalog.defaultProject;
  const dataset = parts.length >= 2 ? parts.at(-2)! : (catalog.defaultDataset ?? '');
  const tables = catalog.tablesWithPrefix(project, dataset, prefix).filter((t) => t.kind === 'TABLE');
  if (tables.length === 0) throw new SyntaxFault(`${project}.${dataset}.${prefix}* does not match any table.`, at, 'notFound');
  const newest = tables.at(-1)!;
  const name = env.unit.alias();
  const selects = tables.map((table) => {
    const used = env.unit.read(table.path);
    const inner = env.unit.alias();
    const own = tableColumns(table, inner, used);
    const filter = rowFilter(table, { parent: undefined, ranges: [{ alias, columns: own }], columns: own }, env, at);
    const list = newest.columns.map((c) => {
      const column = own.find((o) => o.name.toLowerCase() === c.name.toLowerCase());
      if (!column) return `${coerce({ type: c.type, sql: 'NULL', untyped: true }, c.type).sql} AS ${quote(c.name)}`;
      if (costOf(raw(column.type, ''), c.type) === undefined) {
        throw new SyntaxFault(`Cannot read field '${c.name}' of type ${formatType(column.type)} as ${formatType(c.type)}`, at);
      }
      return `${coerce(raw(column.type, column.sql), c.type).sql} AS ${quote(c.name)}`;
    });
    const suffix = table.path.table.slice(prefix.length).replaceAll("'", "''");
    return `SELECT ${list.join(', ')}, '${suffix}' AS "_TABLE_SUFFIX" FROM ${table.physical} AS ${inner}${filter ? ` WHERE ${filter}` : ''}`;
  });
  const columns: ScopeColumn[] = newest.columns.map((c) => ({ name: c.name, type: c.type, sql: `${name}.${quote(c.name)}` }));
  columns.push({ name: '_TABLE_SUFFIX', type: STRING, sql: `${name}."_TABLE_SUFFIX"`, hidden: true });
  return { sql: `(${selects.join(' UNION ALL ')}) AS ${name}`, scope: { parent: env.scope, ranges: [{ alias, columns }], columns } };
}

function tableFunction(from: From & { k: 'tvf' }, env: Env, compileQuery: CompileQuery): Source {
  const routine = findRoutine(from.path, env);
  if (routine?.kind !== 'TABLE') throw new SyntaxFault(`Table-valued function not found: ${from.path.join('.')}`, from.at);
  const locals = bindArguments(
    routine,
    from.args.map((a) => analyze(a, env)),
    from.at,
  );
  return env.unit.expanding(from.path.join('.'), from.at, () => {
    const relation = compileQuery(parseLoneQuery(routine.bodySql), { unit: env.unit, scope: emptyScope(), ctes: new Map(), locals });
    return ofRelation(relation, from.alias ?? from.path.at(-1)!, env);
  });
}

type Join = From & { k: 'join' };
function analyzeJoin(join: Join, env: Env, compileQuery: CompileQuery): Source {
  const left = analyzeFrom(join.left, env, compileQuery);
  const right = analyzeFrom(join.right, { ...env, scope: { ...left.scope, parent: env.scope } }, compileQuery);
  const duplicate = right.scope.ranges.find(
    (r) => r.alias !== undefined && left.scope.ranges.some((l) => l.alias?.toLowerCase() === r.alias!.toLowerCase()),
  );
  if (duplicate) throw new SyntaxFault(`Duplicate table alias ${duplicate.alias} in the same FROM clause`, join.right.at);
  const scope: Scope = {
    parent: env.scope,
    ranges: [...left.scope.ranges, ...right.scope.ranges],
    columns: [...left.scope.columns, ...right.scope.columns],
  };
  const text = join.right.k === 'join' ? `(${right.sql})` : right.sql;
  const lateral = right.lateral && /^\(/.test(right.sql) ? 'LATERAL ' : '';
  if (join.kind === 'CROSS' || join.kind === 'COMMA') return { sql: `${left.sql} CROSS JOIN ${lateral}${text}`, scope };
  if (join.using) return usingJoin(join, left, right, lateral + text, scope);
  const on = join.on
    ? want(
        analyze(join.on, { ...env, scope, noAggregates: 'JOIN ON clause', noWindows: 'JOIN ON clause' }),
        BOOL,
        join.on.at,
        'JOIN ON clause',
      ).sql
    : 'true';
  if (lateral && (join.kind === 'RIGHT' || join.kind === 'FULL')) {
    // DuckDB has no lateral right side here; an array that does not look left needs none.
    return { sql: `${left.sql} ${join.kind} JOIN ${text} ON ${on}`, scope };
  }
  return { sql: `${left.sql} ${join.kind} JOIN ${lateral}${text} ON ${on}`, scope };
}

function usingJoin(join: Join, left: Source, right: Source, text: string, scope: Scope): Source {
  const conditions: string[] = [];
  const merged: ScopeColumn[] = [];
  const gone = new Set<ScopeColumn>();
  for (const name of join.using!) {
    const find = (s: Source, side: string) => {
      const found = s.scope.columns.filter((c) => c.name.toLowerCase() === name.toLowerCase());
      if (s.scope.ranges.some((r) => r.alias?.toLowerCase() === name.toLowerCase() && !r.value))
        throw new SyntaxFault(`Name ${name} in USING clause is a table alias, not a column name, on ${side} side of join`, join.at);
      if (found.length === 0) throw new SyntaxFault(`Column ${name} in USING clause not found on ${side} side of join`, join.at);
      if (found.length > 1) throw new SyntaxFault(`Column ${name} in USING clause is ambiguous on ${side} side of join`, join.at);
      found[0]!.used?.();
      return found[0]!;
    };
    const l = find(left, 'left');
    const r = find(right, 'right');
    const type: SqlType | undefined = commonType([raw(l.type, l.sql), raw(r.type, r.sql)]);
    if (!type)
      throw new SyntaxFault(
        `Column ${name} in USING has incompatible types on either side of the join: ${formatType(l.type)}, ${formatType(r.type)}`,
        join.at,
      );
    const a = coerce(raw(l.type, l.sql), type).sql;
    const b = coerce(raw(r.type, r.sql), type).sql;
    conditions.push(`${a} = ${b}`);
    gone.add(l).add(r);
    const sql = join.kind === 'FULL' ? `coalesce(${a}, ${b})` : join.kind === 'RIGHT' ? b : a;
    merged.push({ name: l.name, type, sql });
  }
  const columns = [...merged, ...scope.columns.filter((c) => !gone.has(c))];
  return { sql: `${left.sql} ${join.kind} JOIN ${text} ON ${conditions.join(' AND ')}`, scope: { ...scope, columns } };
}
