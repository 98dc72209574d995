/** CREATE, ALTER, DROP: checked against the types and handed to the storage side as data. */
import { coerce } from '../analyze/convert.ts';
import { analyze } from '../analyze/expression.ts';
import { want } from '../analyze/operator.ts';
import { bindArguments } from '../analyze/routine.ts';
import { emptyScope, type Scope } from '../analyze/scope.ts';
import { render } from '../analyze/subquery.ts';
import { findTable, tablePath } from '../analyze/tables.ts';
import { raw, type Typed } from '../analyze/typed.ts';
import type { Env, Relation } from '../analyze/unit.ts';
import type {
  AlterAction,
  CatalogRoutine,
  Column,
  Compiled,
  CompiledQuery,
  Ddl,
  Partitioning,
  SqlType,
  TableOptions,
  TablePath,
} from '../contract.ts';
import { costOf } from '../functions/signature.ts';
import type { AlterNode, ColumnDef, DdlStatement, Node, Options, Query, TypeNode } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { parseLoneExpression } from '../parse/statement.ts';
import { BOOL, formatType, typeFromNode } from '../sql-type.ts';
import { readsOf } from './output.ts';
import { query } from './query.ts';

export function ddl(statement: DdlStatement, text: string, env: Env): Compiled {
  const made = make(statement, text, env);
  return { kind: 'ddl', ddl: made, reads: readsOf(env) };
}

function schemaPath(path: readonly string[], env: Env, at: number): { project: string; dataset: string } {
  const parts = path.flatMap((p) => p.split('.'));
  if (parts.length > 2) throw new SyntaxFault(`Invalid dataset name: ${parts.join('.')}`, at);
  return { project: parts.length === 2 ? parts[0]! : env.unit.context.catalog.defaultProject, dataset: parts.at(-1)! };
}
/** Where a table is made: temporary ones in `_SESSION`. */
function newPath(path: readonly string[], temporary: boolean, env: Env, at: number): TablePath {
  const full = tablePath(path, env, at);
  if (temporary) return { project: full.project, dataset: '_SESSION', table: full.table };
  if (full.dataset === '')
    throw new SyntaxFault(`Table "${full.table}" must be qualified with a dataset (e.g. dataset.table)`, undefined, 'invalid');
  return full;
}
/** An existing object by the path it was written with: a bare name may be a temporary table. */
function existingPath(path: readonly string[], env: Env, at: number): TablePath {
  const parts = path.flatMap((p) => p.split('.'));
  const { catalog } = env.unit.context;
  if (parts.length === 1 && catalog.table({ project: catalog.defaultProject, dataset: '_SESSION', table: parts[0]! })) {
    return { project: catalog.defaultProject, dataset: '_SESSION', table: parts[0]! };
  }
  return newPath(path, false, env, at);
}

export function evaluate(node: Node, env: Env): unknown {
  switch (node.k) {
    case 'string':
      return node.value;
    case 'bool':
      return node.value;
    case 'null':
      return null;
    case 'int':
      return Number(node.text);
    case 'float':
      return Number(node.text);
    case 'typed':
      return node.value;
    case 'arrayCtor':
      return node.items.map((i) => evaluate(i, env));
    case 'structCtor':
      return node.tuple || node.items.every((i) => i.name === undefined)
        ? node.items.map((i) => evaluate(i.value, env))
        : Object.fromEntries(node.items.map((i, n) => [i.name ?? `_field_${n + 1}`, evaluate(i.value, env)]));
    case 'call':
      // TIMESTAMP_ADD(CURRENT_TIMESTAMP(), ...) for expiration: kept as text for the storage side to evaluate.
      return { expression: analyze(node, env).type.kind };
    default:
      throw new SyntaxFault('Option value must be a literal', node.at, 'unsupported');
  }
}
function options(node: Options | undefined, env: Env): TableOptions {
  const out: Record<string, unknown> = {};
  for (const { name, value, at } of node?.entries ?? []) {
    const key = name.toLowerCase();
    if (!KNOWN_OPTIONS.has(key)) throw new SyntaxFault(`Unknown option: ${name}`, at);
    if (key in out) throw new SyntaxFault(`Duplicate option: ${name}`, at);
    out[key] = evaluate(value, env);
  }
  return out;
}
const KNOWN_OPTIONS = new Set(
  `description friendly_name labels expiration_timestamp partition_expiration_days require_partition_filter kms_key_name default_table_expiration_days
default_partition_expiration_days location is_case_insensitive max_time_travel_hours storage_billing_model default_rounding_mode default_collate default_kms_key_name
rounding_mode tags enable_change_history max_staleness enable_refresh refresh_interval_minutes privacy_policy policy_tags type_name`.split(
    /\s+/,
  ),
);

function columnOf(def: ColumnDef, text: string, env: Env): Column {
  const type = typeFromNode(def.type);
  const own = options(def.options, env);
  const defaultSql = def.defaultAt ? text.slice(def.defaultAt[0], def.defaultAt[1]) : undefined;
  if (def.notNull && type.kind === 'ARRAY') throw new SyntaxFault('NOT NULL constraint cannot be used with ARRAY type', def.at);
  if (defaultSql !== undefined) checkDefault(defaultSql, type, env, def.at);
  return {
    name: def.name,
    type,
    ...(def.notNull && { required: true }),
    ...(typeof own.description === 'string' && { description: own.description }),
    ...(defaultSql !== undefined && { defaultSql }),
    ...limitsOf(def.type, type),
  };
}
/** STRING(10), NUMERIC(10, 2). */
function limitsOf(node: TypeNode, type: SqlType): Pick<Column, 'maxLength' | 'precision' | 'scale'> {
  const [first, second = 0] = node.k === 'simple' ? node.parameters : [];
  if (first === undefined) return {};
  return type.kind === 'STRING' || type.kind === 'BYTES' ? { maxLength: first } : { precision: first, scale: second };
}
function checkDefault(sql: string, type: SqlType, env: Env, at: number): void {
  const value = analyze(parseLoneExpression(sql), { ...env, scope: emptyScope() });
  if (costOf(value, type) === undefined)
    throw new SyntaxFault(
      `Invalid default value expression of type ${formatType(value.type)} for a column of type ${formatType(type)}`,
      at,
    );
}
function distinct(columns: readonly Column[], at: number): void {
  const seen = new Set<string>();
  for (const { name } of columns) {
    const key = name.toLowerCase();
    if (seen.has(key)) throw new SyntaxFault(`Duplicate column name ${name} in CREATE TABLE`, at);
    if (!/^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd} &%=+:'<>#|]{1,300}$/u.test(name))
      throw new SyntaxFault(`Invalid field name "${name}"`, at, 'invalid');
    seen.add(key);
  }
}

const GRANULARITIES = ['HOUR', 'DAY', 'MONTH', 'YEAR'];
function partitioning(node: Node, columns: readonly Column[] | undefined): Partitioning {
  const fail = () =>
    new SyntaxFault(
      'PARTITION BY expression must be DATE(<timestamp_column>), DATE_TRUNC, DATETIME_TRUNC, TIMESTAMP_TRUNC, a DATE column, _PARTITIONDATE, or RANGE_BUCKET(<int64_column>, GENERATE_ARRAY(...))',
      node.at,
    );
  const find = (name: string): Column | undefined => columns?.find((c) => c.name.toLowerCase() === name.toLowerCase());
  const columnName = (n: Node | undefined, kinds: readonly string[]): string => {
    if (n?.k !== 'name') throw fail();
    if (/^_PARTITION(TIME|DATE)$/i.test(n.name)) return '_PARTITIONTIME';
    const column = find(n.name);
    if (columns && !column) throw new SyntaxFault(`Unrecognized name: ${n.name}`, n.at);
    if (column && !kinds.includes(column.type.kind)) throw fail();
    return column?.name ?? n.name;
  };
  if (node.k === 'name') return { column: columnName(node, ['DATE']), granularity: 'DAY' };
  if (node.k !== 'call') throw fail();
  const name = node.path.join('.').toUpperCase();
  if (name === 'DATE') return { column: columnName(node.args[0], ['TIMESTAMP', 'DATETIME']), granularity: 'DAY' };
  if (['DATE_TRUNC', 'DATETIME_TRUNC', 'TIMESTAMP_TRUNC'].includes(name)) {
    const part = node.args[1];
    const granularity = part?.k === 'name' ? part.name.toUpperCase() : '';
    if (!GRANULARITIES.includes(granularity)) throw fail();
    return { column: columnName(node.args[0], ['DATE', 'DATETIME', 'TIMESTAMP']), granularity: granularity as 'DAY' };
  }
  if (name === 'RANGE_BUCKET') {
    const [of, array] = node.args;
    if (array?.k !== 'call' || array.path.join('.').toUpperCase() !== 'GENERATE_ARRAY') throw fail();
    const [start, end, interval] = array.args.map((a) => (a.k === 'int' ? BigInt(a.text) : undefined));
    if (start === undefined || end === undefined) throw fail();
    return { column: columnName(of, ['INT64']), granularity: 'RANGE', range: { start, end, interval: interval ?? 1n } };
  }
  throw fail();
}

function createTable(s: Extract<DdlStatement, { k: 'createTable' }>, text: string, env: Env): Ddl {
  const path = newPath(s.path, s.temporary, env, s.at);
  let columns = s.columns?.map((c) => columnOf(c, text, env));
  let asSelect: CompiledQuery | undefined;
  if (s.asSelect) {
    asSelect = query(s.asSelect, env);
    if (asSelect.columns.length === 1 && asSelect.columns[0]!.name === '') asSelect = flattened(s.asSelect, env);
    if (columns) {
      if (columns.length !== asSelect.columns.length)
        throw new SyntaxFault(
          'The number of columns in the column definition list does not match the number of columns produced by the query',
          s.at,
        );
      asSelect = coerced(s.asSelect, columns, env);
    } else columns = asSelect.columns.map(({ name, type }) => ({ name, type }));
  }
  if (!columns && !s.like && !s.clone && !s.copy) throw new SyntaxFault('CREATE TABLE needs a column list or AS SELECT', s.at);
  if (columns) distinct(columns, s.at);
  const source = s.like ?? s.clone ?? s.copy;
  const model = source ? findTable(source, env, s.at) : undefined;
  const shape = columns ?? model?.columns;
  const cluster = s.clusterBy?.map((name) => {
    const column = shape?.find((c) => c.name.toLowerCase() === name.toLowerCase());
    if (shape && !column) throw new SyntaxFault(`Unrecognized name: ${name}`, s.at);
    return column?.name ?? name;
  });
  if (cluster && cluster.length > 4) throw new SyntaxFault('CLUSTER BY supports at most 4 columns', s.at, 'invalid');
  for (const key of s.primaryKey ?? []) {
    if (!shape?.some((c) => c.name.toLowerCase() === key.toLowerCase())) throw new SyntaxFault(`Unrecognized name: ${key}`, s.at);
  }
  return {
    op: 'createTable',
    path,
    orReplace: s.orReplace,
    ifNotExists: s.ifNotExists,
    temporary: s.temporary,
    options: options(s.options, env),
    ...(columns && { columns }),
    ...(s.partitionBy && { partitioning: partitioning(s.partitionBy, shape) }),
    ...(cluster && { clustering: cluster }),
    ...(s.primaryKey && { primaryKey: s.primaryKey }),
    ...(asSelect && { asSelect }),
    ...(s.like && { like: model!.path }),
    ...(s.clone && { clone: model!.path }),
    ...(s.copy && { copy: model!.path }),
  };
}
/** SELECT AS STRUCT at the top of CREATE TABLE: the fields are the columns. */
function flattened(node: Query, env: Env): CompiledQuery {
  const at = node.at;
  const inner: Query = { with: [], recursive: false, body: { k: 'query', query: node, at }, order: [], at, end: node.end };
  return query(
    {
      ...inner,
      body: {
        k: 'select',
        distinct: false,
        items: [{ k: 'star', except: [], replace: [], at }],
        from: { k: 'query', query: node, at },
        windows: [],
        at,
      },
    },
    env,
  );
}
function coerced(node: Query, columns: readonly Column[], env: Env): CompiledQuery {
  const relation = env.unit.compileQuery(node, env);
  for (const [i, c] of relation.columns.entries()) {
    const value: Typed = { type: c.type, sql: '', ...(c.untyped && { untyped: true }) };
    if (costOf(value, columns[i]!.type) === undefined) {
      throw new SyntaxFault(
        `Query column ${i + 1} has type ${formatType(c.type)} which cannot be inserted into column ${columns[i]!.name}, which has type ${formatType(columns[i]!.type)}`,
        node.at,
      );
    }
  }
  return query(node, {
    ...env,
    unit: Object.assign(Object.create(env.unit) as typeof env.unit, {
      compileQuery: (q: Query, e: Env) => retype(env.unit.compileQuery(q, e), columns),
    }),
  });
}

function retype(relation: Relation, columns: readonly Column[]): Relation {
  const list = relation.columns.map(
    (c, i) => `${coerce({ type: c.type, sql: `gs_q.${c.sql}`, ...(c.untyped && { untyped: true }) }, columns[i]!.type).sql} AS c${i + 1}`,
  );
  return {
    core: `SELECT ${list.join(', ')} FROM (${render(relation)}) AS gs_q`,
    columns: columns.map((c, i) => ({ name: c.name, type: c.type, sql: `c${i + 1}` })),
    order: [],
    limit: '',
    value: false,
    hidden: false,
  };
}

function alterAction(node: AlterNode, text: string, env: Env): AlterAction {
  switch (node.action) {
    case 'addColumn':
      return { ...node, column: columnOf(node.column, text, env) };
    case 'setDataType': {
      const type = typeFromNode(node.type);
      return { ...node, type, limits: limitsOf(node.type, type) };
    }
    case 'setColumnOptions':
    case 'setOptions':
      return { ...node, options: options(node.options, env) };
    default:
      return node;
  }
}

function createFunction(s: Extract<DdlStatement, { k: 'createFunction' }>, env: Env): Ddl {
  const { catalog } = env.unit.context;
  const parts = s.path.flatMap((p) => p.split('.'));
  if (parts.length === 1 && !s.temporary && catalog.defaultDataset === undefined)
    throw new SyntaxFault(`Function name "${parts[0]}" must be qualified with a dataset`, s.at);
  const path = {
    project: parts.length === 3 ? parts[0]! : catalog.defaultProject,
    dataset: s.temporary ? '_SESSION' : parts.length > 1 ? parts.at(-2)! : catalog.defaultDataset!,
    routine: parts.at(-1)!,
  };
  const args = s.args.map((a) => ({ name: a.name, type: a.type === 'ANY TYPE' ? a.type : typeFromNode(a.type) }));
  const routine: CatalogRoutine = {
    path,
    args,
    bodySql: s.body,
    kind: s.table ? 'TABLE' : 'SCALAR',
    ...(s.returns && { returns: typeFromNode(s.returns) }),
  };
  if (args.every((a) => a.type !== 'ANY TYPE')) {
    const locals = bindArguments(
      routine,
      args.map((a) => raw(a.type as SqlType, 'NULL')),
      s.at,
    );
    const inner: Env = { unit: env.unit, scope: emptyScope(), ctes: new Map(), locals };
    if (s.table) env.unit.compileQuery(s.bodyNode as Query, inner);
    else {
      const body = analyze(s.bodyNode as Node, inner);
      if (routine.returns && costOf(body, routine.returns) === undefined) {
        throw new SyntaxFault(
          `Function body has type ${formatType(body.type)} which cannot be coerced to the declared return type ${formatType(routine.returns)}`,
          s.at,
        );
      }
    }
  }
  return { op: 'createFunction', routine, orReplace: s.orReplace, ifNotExists: s.ifNotExists, temporary: s.temporary };
}

function make(s: DdlStatement, text: string, env: Env): Ddl {
  switch (s.k) {
    case 'createSchema':
      return { op: 'createSchema', ...schemaPath(s.path, env, s.at), ifNotExists: s.ifNotExists, options: options(s.options, env) };
    case 'alterSchema':
      return { op: 'alterSchema', ...schemaPath(s.path, env, s.at), ifExists: s.ifExists, options: options(s.options, env) };
    case 'dropSchema':
      return { op: 'dropSchema', ...schemaPath(s.path, env, s.at), ifExists: s.ifExists, cascade: s.cascade };
    case 'createTable':
      return createTable(s, text, env);
    case 'alterTable':
      return {
        op: 'alterTable',
        path: existingPath(s.path, env, s.at),
        ifExists: s.ifExists,
        actions: s.actions.map((a) => alterAction(a, text, env)),
      };
    case 'drop':
      return { op: s.what === 'TABLE' ? 'dropTable' : 'dropView', path: existingPath(s.path, env, s.at), ifExists: s.ifExists };
    case 'createView': {
      const compiled = query(s.query, env);
      const given = s.columns;
      if (given && given.length !== compiled.columns.length)
        throw new SyntaxFault('The number of columns in the view definition does not match the query', s.at);
      if (env.unit.binds.some((b) => b.from === 'parameter'))
        throw new SyntaxFault('Query parameters cannot be used in the body of a view', s.at);
      const columns = compiled.columns.map((c, i): Column => {
        const own = options(given?.[i]?.options, env);
        return {
          name: given?.[i]?.name ?? c.name,
          type: c.type,
          ...(typeof own.description === 'string' && { description: own.description }),
        };
      });
      return {
        op: 'createView',
        path: newPath(s.path, false, env, s.at),
        orReplace: s.orReplace,
        ifNotExists: s.ifNotExists,
        sql: text.slice(s.query.at, s.query.end),
        columns,
        options: options(s.options, env),
      };
    }
    case 'alterView':
      return { op: 'alterView', path: newPath(s.path, false, env, s.at), ifExists: s.ifExists, options: options(s.options, env) };
    case 'createFunction':
      return createFunction(s, env);
    case 'dropFunction': {
      const parts = s.path.flatMap((p) => p.split('.'));
      const { catalog } = env.unit.context;
      return {
        op: 'dropFunction',
        project: parts.length === 3 ? parts[0]! : catalog.defaultProject,
        dataset: parts.length > 1 ? parts.at(-2)! : (catalog.defaultDataset ?? '_SESSION'),
        routine: parts.at(-1)!,
        ifExists: s.ifExists,
      };
    }
    case 'createRowAccessPolicy': {
      const table = findTable(s.path, env, s.at);
      const columns = table.columns.map((c) => ({ name: c.name, type: c.type, sql: c.name }));
      const scope: Scope = { parent: undefined, ranges: [{ alias: table.path.table, columns }], columns };
      want(
        analyze(s.filterNode, { ...env, scope, noAggregates: 'row access policy', noWindows: 'row access policy' }),
        BOOL,
        s.filterNode.at,
        'row access policy filter',
      );
      return {
        op: 'createRowAccessPolicy',
        path: table.path,
        name: s.name,
        orReplace: s.orReplace,
        ifNotExists: s.ifNotExists,
        grantees: s.grantees,
        filter: s.filter,
      };
    }
    case 'dropRowAccessPolicy':
      return { op: 'dropRowAccessPolicy', path: existingPath(s.path, env, s.at), name: s.name, ifExists: s.ifExists };
    default:
      throw s satisfies never;
  }
}
