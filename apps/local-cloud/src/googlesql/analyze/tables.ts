/** Tables by their names: where a path leads, and what a table, view, wildcard or INFORMATION_SCHEMA view offers to FROM. */
import type { CatalogTable, TablePath } from '../contract.ts';
import { costOf } from '../functions/signature.ts';
import { nearest } from '../nearest.ts';
import type { Query } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { parseLoneExpression, parseLoneQuery } from '../parse/statement.ts';
import { BOOL, formatType, quote, STRING, TIMESTAMP } from '../sql-type.ts';
import { coerce } from './convert.ts';
import { analyze } from './expression.ts';
import { want } from './operator.ts';
import { emptyScope, type Scope, type ScopeColumn, type Source, valueScope } from './scope.ts';
import { render } from './subquery.ts';
import { raw } from './typed.ts';
import type { Env, Relation } from './unit.ts';

export type CompileQuery = (query: Query, env: Env) => Relation;

export function ofRelation(relation: Relation, alias: string | undefined, env: Env): Source {
  return ofColumns(`(${render(relation)})`, relation.columns, relation.value, alias, env);
}

/** `shared`: what is read may be read elsewhere too. */
export function ofColumns(
  sql: string,
  columns: Relation['columns'],
  value: boolean,
  alias: string | undefined,
  env: Env,
  shared = false,
): Source {
  const name = env.unit.alias();
  for (const c of columns) env.unit.scans.derive(`${name}.${c.sql}`, c.origin, shared);
  const out: ScopeColumn[] = columns.map((c) => ({ name: c.name ?? '', type: c.type, sql: `${name}.${c.sql}` }));
  const text = `${sql} AS ${name}`;
  if (value) return { sql: text, name, scope: valueScope(raw(out[0]!.type, out[0]!.sql), alias, [], env.scope) };
  return { sql: text, name, scope: { parent: env.scope, ranges: [{ alias, columns: out }], columns: out } };
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

export function tableSource(path: readonly string[], alias: string, at: number, env: Env, compileQuery: CompileQuery): Source {
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
  env.unit.scans.add(table, name);
  const visible: Scope = { parent: env.scope, ranges: [{ alias, columns }], columns };
  const filter = rowFilter(table, visible, env, at);
  const rows = table.rows ?? table.physical;
  const sql = filter ? `(SELECT * FROM ${rows} AS ${name} WHERE ${filter}) AS ${name}` : `${rows} AS ${name}`;
  return { sql, name, scope: visible };
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
    return `SELECT ${list.join(', ')}, '${suffix}' AS "_TABLE_SUFFIX" FROM ${table.rows ?? table.physical} AS ${inner}${filter ? ` WHERE ${filter}` : ''}`;
  });
  const columns: ScopeColumn[] = newest.columns.map((c) => ({ name: c.name, type: c.type, sql: `${name}.${quote(c.name)}` }));
  columns.push({ name: '_TABLE_SUFFIX', type: STRING, sql: `${name}."_TABLE_SUFFIX"`, hidden: true });
  return { sql: `(${selects.join(' UNION ALL ')}) AS ${name}`, name, scope: { parent: env.scope, ranges: [{ alias, columns }], columns } };
}
