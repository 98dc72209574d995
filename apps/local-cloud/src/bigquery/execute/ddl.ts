/** CREATE, ALTER, DROP: from the compiler's description to changes of the catalog. Checks the caller's rights itself, object by object. */

import type { AlterAction, Column, CompiledQuery, Ddl, TableOptions, TablePath } from '../../googlesql/contract.ts';
import { quote } from '../../googlesql/sql-type.ts';
import { demand } from '../catalog/access.ts';
import { physicalName, type RowPolicy, type TableRecord } from '../catalog/catalog.ts';
import type { NewTable } from '../catalog/metadata.ts';
import { reshapeSql } from '../catalog/reshape.ts';
import { ApiError, invalid } from '../errors.ts';
import { mergeLabels } from '../rest/labels.ts';
import { columnsDdl } from '../storage/store.ts';
import { duck } from './errors.ts';
import type { DdlEffect, StatementResult } from './outcome.ts';
import type { Runner } from './runner.ts';
import type { Looked } from './scoped-catalog.ts';
import type { Session } from './session.ts';

type Effect = Pick<StatementResult, 'statementType' | 'ddl'>;
const nameOf = (path: TablePath) => `${path.project}:${path.dataset}.${path.table}`;
const permanent = 'is not supported in a transaction.';

export async function runDdl(statements: Runner, ddl: Ddl, session: Session, looked: Looked): Promise<Effect> {
  const effect = await execute(statements, ddl, session, looked);
  const { ddl: done } = effect;
  statements.service.control.stats.count(
    {
      product: 'bigquery',
      caller: session.caller.subject,
      ...(done?.table ? { resource: `${done.table.dataset}.${done.table.table}` } : {}),
    },
    { ddl: 1 },
  );
  return effect;
}

async function execute(statements: Runner, ddl: Ddl, session: Session, looked: Looked): Promise<Effect> {
  const { service } = statements;
  const { metadata, store } = service;
  const { catalog } = store;
  const { caller } = session;
  if (session.transaction && !(ddl.op === 'createTable' && ddl.temporary)) {
    throw new ApiError('invalidQuery', `DDL statement on a permanent object ${permanent}`, 'query');
  }
  switch (ddl.op) {
    case 'createSchema': {
      const { project, dataset } = ddl;
      const existed = catalog.dataset(project, dataset) !== undefined;
      await metadata.createDataset(
        {
          project,
          dataset,
          location: typeof ddl.options.location === 'string' ? ddl.options.location : service.location,
          access: [
            { role: 'OWNER', userByEmail: caller.subject },
            { role: 'OWNER', specialGroup: 'projectOwners' },
          ],
          ...datasetOptions(ddl.options),
        },
        ddl.ifNotExists,
      );
      return { statementType: 'CREATE_SCHEMA', ddl: { operation: existed ? 'SKIP' : 'CREATE', dataset: { project, dataset } } };
    }
    case 'alterSchema': {
      const { project, dataset } = ddl;
      if (ddl.ifExists && !catalog.dataset(project, dataset)) return { statementType: 'ALTER_SCHEMA', ddl: { operation: 'SKIP' } };
      metadata.dataset(project, dataset);
      demand(catalog, caller, 'own', { project, dataset });
      service.rates.datasetUpdate(`${project}.${dataset}`);
      await metadata.updateDataset(project, dataset, (record) => withoutNulls({ ...record, ...datasetOptions(ddl.options) }));
      return { statementType: 'ALTER_SCHEMA', ddl: { operation: 'ALTER', dataset: { project, dataset } } };
    }
    case 'dropSchema': {
      const { project, dataset } = ddl;
      if (ddl.ifExists && !catalog.dataset(project, dataset)) return { statementType: 'DROP_SCHEMA', ddl: { operation: 'SKIP' } };
      metadata.dataset(project, dataset);
      demand(catalog, caller, 'own', { project, dataset });
      await metadata.dropDataset(project, dataset, { cascade: ddl.cascade });
      return { statementType: 'DROP_SCHEMA', ddl: { operation: 'DROP', dataset: { project, dataset } } };
    }
    case 'createTable':
      return createTable(statements, ddl, session, looked);
    case 'createView': {
      const { path } = ddl;
      const existed = metadata.find(path);
      metadata.dataset(path.project, path.dataset);
      demand(catalog, caller, 'write', { project: path.project, dataset: path.dataset });
      const { created } = await metadata.createTable(
        withOptions({ path, kind: 'VIEW', columns: ddl.columns, viewSql: ddl.sql }, ddl.options),
        { orReplace: ddl.orReplace, ifNotExists: ddl.ifNotExists },
      );
      return { statementType: 'CREATE_VIEW', ddl: { operation: created ? (existed ? 'REPLACE' : 'CREATE') : 'SKIP', table: path } };
    }
    case 'dropTable':
    case 'dropView': {
      const statementType = ddl.op === 'dropTable' ? 'DROP_TABLE' : 'DROP_VIEW';
      const temporary = session.tempTables.get(ddl.path.table);
      if (temporary && ddl.op === 'dropTable') {
        await store.database.use((connection) => connection.run(`DROP TABLE IF EXISTS ${physicalName(temporary.id)}`));
        session.tempTables.delete(ddl.path.table);
        session.temporaryVersion++;
        return { statementType, ddl: { operation: 'DROP', table: ddl.path } };
      }
      if (ddl.ifExists && !metadata.find(ddl.path)) return { statementType, ddl: { operation: 'SKIP', table: ddl.path } };
      metadata.table(ddl.path);
      demand(catalog, caller, 'write', ddl.path);
      await metadata.dropTable(ddl.path, { kind: ddl.op === 'dropTable' ? 'TABLE' : 'VIEW', ifExists: ddl.ifExists });
      return { statementType, ddl: { operation: 'DROP', table: ddl.path } };
    }
    case 'alterView': {
      if (ddl.ifExists && !metadata.find(ddl.path)) return { statementType: 'ALTER_VIEW', ddl: { operation: 'SKIP', table: ddl.path } };
      metadata.table(ddl.path);
      demand(catalog, caller, 'write', ddl.path);
      await metadata.updateTable(ddl.path, (record) => withOptions(record, ddl.options));
      return { statementType: 'ALTER_VIEW', ddl: { operation: 'ALTER', table: ddl.path } };
    }
    case 'alterTable': {
      if (ddl.ifExists && !metadata.find(ddl.path)) return { statementType: 'ALTER_TABLE', ddl: { operation: 'SKIP', table: ddl.path } };
      metadata.table(ddl.path);
      demand(catalog, caller, 'write', ddl.path);
      service.rates.tableUpdate(nameOf(ddl.path));
      const rename = ddl.actions.find((action) => action.action === 'renameTo');
      if (rename?.action === 'renameTo') await metadata.renameTable(ddl.path, rename.table);
      else await duck(() => metadata.reshapeTable(ddl.path, (record) => altered(record, ddl.actions)));
      return { statementType: 'ALTER_TABLE', ddl: { operation: 'ALTER', table: ddl.path } };
    }
    case 'createFunction': {
      const { routine } = ddl;
      const now = Date.now();
      if (ddl.temporary) {
        session.tempRoutines.set(routine.path.routine.toLowerCase(), { routine, created: now, modified: now });
        session.temporaryVersion++;
        return { statementType: 'CREATE_FUNCTION', ddl: { operation: 'CREATE', routine: routine.path } };
      }
      const existed = catalog.routine(routine.path.project, routine.path.dataset, routine.path.routine) !== undefined;
      metadata.dataset(routine.path.project, routine.path.dataset);
      demand(catalog, caller, 'write', { project: routine.path.project, dataset: routine.path.dataset });
      await metadata.putRoutine({ routine, created: now, modified: now }, ddl);
      return {
        statementType: 'CREATE_FUNCTION',
        ddl: { operation: existed ? (ddl.orReplace ? 'REPLACE' : 'SKIP') : 'CREATE', routine: routine.path },
      };
    }
    case 'dropFunction': {
      const { project, dataset, routine, ifExists } = ddl;
      if (session.tempRoutines.delete(routine.toLowerCase())) {
        session.temporaryVersion++;
        return { statementType: 'DROP_FUNCTION', ddl: { operation: 'DROP' } };
      }
      demand(catalog, caller, 'write', { project, dataset });
      await metadata.dropRoutine(project, dataset, routine, ifExists);
      return { statementType: 'DROP_FUNCTION', ddl: { operation: 'DROP', routine: { project, dataset, routine } } };
    }
    case 'createRowAccessPolicy': {
      const { path, name } = ddl;
      metadata.table(path);
      demand(catalog, caller, 'own', path);
      let operation: DdlEffect['operation'] = 'CREATE';
      await metadata.updateTable(path, (record) => {
        const others = (record.policies ?? []).filter((policy) => policy.name.toLowerCase() !== name.toLowerCase());
        const existed = others.length < (record.policies?.length ?? 0);
        if (existed && ddl.ifNotExists) {
          operation = 'SKIP';
          return record;
        }
        if (existed && !ddl.orReplace)
          throw new ApiError('duplicate', `Already Exists: Row access policy ${name} on table ${nameOf(path)}`);
        if (others.length >= 400) throw invalid(`Table ${nameOf(path)} has too many row access policies: at most 400.`);
        if (existed) operation = 'REPLACE';
        const policy: RowPolicy = { name, grantees: ddl.grantees, filter: ddl.filter, created: Date.now() };
        return { ...record, policies: [...others, policy] };
      });
      return { statementType: 'CREATE_ROW_ACCESS_POLICY', ddl: { operation, table: path } };
    }
    case 'dropRowAccessPolicy': {
      const { path, name } = ddl;
      metadata.table(path);
      demand(catalog, caller, 'own', path);
      await metadata.updateTable(path, (record) => {
        if (name === 'ALL') return { ...record, policies: [] };
        const kept = (record.policies ?? []).filter((policy) => policy.name.toLowerCase() !== name.toLowerCase());
        if (kept.length === (record.policies?.length ?? 0)) {
          if (ddl.ifExists) return record;
          throw new ApiError('notFound', `Not found: Row access policy ${name} on table ${nameOf(path)}`);
        }
        if (kept.length === 0)
          throw invalid(`Cannot drop the last row access policy of table ${nameOf(path)}; use DROP ALL ROW ACCESS POLICIES.`);
        return { ...record, policies: kept };
      });
      return {
        statementType: name === 'ALL' ? 'DROP_ALL_ROW_ACCESS_POLICIES' : 'DROP_ROW_ACCESS_POLICY',
        ddl: { operation: 'DROP', table: path },
      };
    }
    default:
      throw new Error(`no such DDL: ${(ddl satisfies never as { op: string }).op}`);
  }
}

type CreateTable = Extract<Ddl, { op: 'createTable' }>;

async function createTable(statements: Runner, ddl: CreateTable, session: Session, looked: Looked): Promise<Effect> {
  const { service } = statements;
  const { metadata, store } = service;
  const { catalog } = store;
  const { path } = ddl;
  const statementType = ddl.asSelect ? 'CREATE_TABLE_AS_SELECT' : 'CREATE_TABLE';
  const sourcePath = ddl.like ?? ddl.clone ?? ddl.copy;
  let source: TableRecord | undefined;
  if (sourcePath) {
    source = session.tempTables.get(sourcePath.table) ?? metadata.table(sourcePath);
    if (!session.tempTables.has(sourcePath.table)) demand(catalog, session.caller, ddl.like ? 'metadata' : 'read', sourcePath);
    if (!ddl.like) await store.readable([source]);
  }
  const columns = ddl.columns ?? (source ? source.columns : (ddl.asSelect?.columns ?? []));
  if (columns.length === 0) throw invalid('The schema of a table must have at least one column.');
  const inherited = source
    ? {
        ...(source.partitioning ? { partitioning: source.partitioning } : {}),
        ...(source.clustering ? { clustering: source.clustering } : {}),
        ...(source.primaryKey ? { primaryKey: source.primaryKey } : {}),
        ...(source.description ? { description: source.description } : {}),
        ...(source.labels ? { labels: source.labels } : {}),
      }
    : {};
  const made = withOptions<NewTable>(
    {
      path,
      kind: 'TABLE',
      columns: columns.map(storedColumn),
      ...inherited,
      ...(ddl.partitioning ? { partitioning: ddl.partitioning } : {}),
      ...(ddl.clustering ? { clustering: ddl.clustering } : {}),
      ...(ddl.primaryKey ? { primaryKey: ddl.primaryKey } : {}),
    },
    ddl.options,
  );
  const fill = fillFrom(statements, ddl.asSelect, ddl.like ? undefined : source, made, session, looked);
  if (ddl.temporary) return temporaryTable(statements, ddl, made, fill, session, statementType);
  metadata.dataset(path.project, path.dataset);
  demand(catalog, session.caller, 'write', { project: path.project, dataset: path.dataset });
  const existed = metadata.find(path) !== undefined;
  const { record, created } = await metadata.createTable(made, {
    orReplace: ddl.orReplace,
    ifNotExists: ddl.ifNotExists,
    ...(fill ? { fill } : {}),
  });
  if (created) store.changed(record.id);
  return { statementType, ddl: { operation: created ? (existed ? 'REPLACE' : 'CREATE') : 'SKIP', table: path } };
}

type Fill = (connection: import('../storage/connection.ts').Connection, physical: string) => Promise<void>;

function fillFrom(
  statements: Runner,
  query: CompiledQuery | undefined,
  source: TableRecord | undefined,
  made: NewTable,
  session: Session,
  looked: Looked,
): Fill | undefined {
  const names = made.columns.map((column) => quote(column.name)).join(', ');
  if (source)
    return async (connection, physical) =>
      void (await connection.run(`INSERT INTO ${physical} (${names}) SELECT ${names} FROM ${physicalName(source.id)}`));
  if (!query) return undefined;
  return (connection, physical) =>
    duck(() =>
      // INFORMATION_SCHEMA rows have to be on the connection that runs the query.
      statements.onGivenConnection(connection, session, looked, async () => {
        await connection.run(`INSERT INTO ${physical} (${names}) ${query.sql.text}`, statements.bind(query.sql, session));
      }),
    );
}

async function temporaryTable(
  statements: Runner,
  ddl: CreateTable,
  made: NewTable,
  fill: Fill | undefined,
  session: Session,
  statementType: string,
): Promise<Effect> {
  const { store } = statements.service;
  const { table } = ddl.path;
  const old = session.tempTables.get(table);
  if (old && ddl.ifNotExists) return { statementType, ddl: { operation: 'SKIP', table: ddl.path } };
  if (old && !ddl.orReplace) throw new ApiError('duplicate', `Already Exists: Table ${table}`);
  const now = Date.now();
  const record: TableRecord = {
    ...made,
    path: { project: session.project, dataset: '_SESSION', table },
    id: store.catalog.newTableId(),
    created: now,
    modified: now,
    location: statements.service.location,
  };
  const create = async (connection: import('../storage/connection.ts').Connection) => {
    await connection.run(`CREATE TABLE ${physicalName(record.id)} (${columnsDdl(record.columns, record.partitioning)})`);
    await fill?.(connection, physicalName(record.id));
  };
  if (session.transaction) await create(session.transaction.connection);
  else await store.database.transaction(create);
  store.catalog.markPhysical(record.id, true);
  session.tempTables.set(table, record);
  session.temporaryVersion++;
  if (old) await store.database.use((connection) => connection.run(`DROP TABLE IF EXISTS ${physicalName(old.id)}`));
  return { statementType, ddl: { operation: old ? 'REPLACE' : 'CREATE', table: ddl.path } };
}

/** What a table keeps of a column of a query or of DDL. */
export function storedColumn(column: Column): Column {
  const { name, type, required, description, defaultSql, maxLength, precision, scale } = column;
  return {
    name,
    type,
    ...(required ? { required } : {}),
    ...(description === undefined ? {} : { description }),
    ...(defaultSql === undefined ? {} : { defaultSql }),
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(precision === undefined ? {} : { precision }),
    ...(scale === undefined ? {} : { scale }),
  };
}

function altered(record: TableRecord, actions: readonly AlterAction[]): { record: TableRecord; sql: readonly string[] } {
  let next = record;
  const sql: string[] = [];
  const find = (name: string) => {
    const column = next.columns.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
    if (!column) throw invalid(`Column not found: ${name}`);
    return column;
  };
  const replace = (old: Column, column: Column) => {
    next = { ...next, columns: next.columns.map((candidate) => (candidate === old ? column : candidate)) };
  };
  const reshape = (columns: readonly Column[]) => {
    sql.push(...reshapeSql(next, columns));
    next = { ...next, columns };
  };
  for (const action of actions) {
    switch (action.action) {
      case 'addColumn': {
        const exists = next.columns.some((column) => column.name.toLowerCase() === action.column.name.toLowerCase());
        if (exists && action.ifNotExists) break;
        if (exists) throw invalid(`Column already exists: ${action.column.name}`);
        if (action.column.required) throw invalid(`Cannot add required fields to an existing schema. (field: ${action.column.name})`);
        reshape([...next.columns, storedColumn(action.column)]);
        break;
      }
      case 'dropColumn': {
        if (action.ifExists && !next.columns.some((column) => column.name.toLowerCase() === action.name.toLowerCase())) break;
        const column = find(action.name);
        const used =
          next.partitioning?.column.toLowerCase() === action.name.toLowerCase() ||
          next.clustering?.some((name) => name.toLowerCase() === action.name.toLowerCase());
        if (used) throw invalid(`Column ${action.name} is used by partitioning or clustering and cannot be dropped.`);
        if (next.columns.length === 1) throw invalid('The last column of a table cannot be dropped.');
        reshape(next.columns.filter((candidate) => candidate !== column));
        break;
      }
      case 'renameColumn': {
        if (action.ifExists && !next.columns.some((column) => column.name.toLowerCase() === action.from.toLowerCase())) break;
        const column = find(action.from);
        if (next.partitioning?.column.toLowerCase() === action.from.toLowerCase())
          throw invalid(`Column ${action.from} is used by partitioning and cannot be renamed.`);
        if (next.columns.some((other) => other !== column && other.name.toLowerCase() === action.to.toLowerCase()))
          throw invalid(`Column already exists: ${action.to}`);
        sql.push(`ALTER TABLE ${physicalName(record.id)} RENAME COLUMN ${quote(column.name)} TO ${quote(action.to)}`);
        replace(column, { ...column, name: action.to });
        break;
      }
      case 'setDataType': {
        const column = find(action.name);
        const { maxLength: _m, precision: _p, scale: _s, ...plain } = column;
        const typed = { ...plain, type: action.type, ...action.limits };
        reshape(next.columns.map((candidate) => (candidate === column ? typed : candidate)));
        break;
      }
      case 'dropNotNull': {
        const column = find(action.name);
        const { required: _, ...relaxed } = column;
        reshape(next.columns.map((candidate) => (candidate === column ? relaxed : candidate)));
        break;
      }
      case 'setColumnOptions': {
        const column = find(action.name);
        const { description } = action.options;
        const { description: _, ...plain } = column;
        replace(
          column,
          description === null ? plain : description === undefined ? column : { ...column, description: String(description) },
        );
        break;
      }
      case 'setDefault': {
        const column = find(action.name);
        const { defaultSql: _, ...plain } = column;
        replace(column, action.sql === undefined ? plain : { ...column, defaultSql: action.sql });
        break;
      }
      case 'setOptions':
        next = withOptions(next, action.options);
        break;
      case 'renameTo':
        break;
      default:
        throw new Error(`no such action: ${(action satisfies never as { action: string }).action}`);
    }
  }
  return { record: next, sql };
}

const MS_PER_DAY = 86_400_000;
const millisOf = (value: unknown): string | undefined => {
  if (value === null) return undefined;
  if (typeof value === 'bigint') return String(value / 1000n);
  const parsed = typeof value === 'number' ? value : Date.parse(String(value).replace(/ UTC$/, 'Z').replace(' ', 'T'));
  return Number.isFinite(parsed) ? String(parsed) : undefined;
};

/** Labels come as `[("key", "value")]`, however the compiler writes pairs. */
function labelsFrom(value: unknown): Record<string, string> {
  if (value === null || value === undefined) return {};
  const pairs = Array.isArray(value) ? value : Object.entries(value as object);
  return mergeLabels(
    {},
    Object.fromEntries(
      pairs.map((pair) => (Array.isArray(pair) ? pair : (Object.values(pair as object) as [string, string])) as [string, string]),
    ),
  );
}

function withOptions<T extends NewTable | TableRecord>(record: T, options: TableOptions): T {
  const next: Record<string, unknown> = { ...record };
  const set = (name: string, value: unknown) => {
    if (value === undefined || value === null) delete next[name];
    else next[name] = value;
  };
  for (const [name, value] of Object.entries(options)) {
    switch (name.toLowerCase()) {
      case 'description':
        set('description', value);
        break;
      case 'friendly_name':
        set('friendlyName', value);
        break;
      case 'labels':
        set('labels', labelsFrom(value));
        break;
      case 'expiration_timestamp':
        set('expirationTime', millisOf(value));
        break;
      case 'partition_expiration_days':
        set('partitionExpirationMs', value === null ? null : String(Number(value) * MS_PER_DAY));
        break;
      case 'require_partition_filter':
        set('requirePartitionFilter', Boolean(value));
        break;
      default:
        next.other = { ...(next.other as object), ...optionOf(name, value) };
    }
  }
  return next as unknown as T;
}
/** Options that are kept for show only. */
function optionOf(name: string, value: unknown): Record<string, unknown> {
  const camel = name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return { [camel]: typeof value === 'bigint' ? String(value) : value };
}

function datasetOptions(options: TableOptions): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    switch (name.toLowerCase()) {
      case 'description':
        found.description = value;
        break;
      case 'friendly_name':
        found.friendlyName = value;
        break;
      case 'labels':
        found.labels = labelsFrom(value);
        break;
      case 'default_table_expiration_days':
        found.defaultTableExpirationMs = value === null ? null : String(Number(value) * MS_PER_DAY);
        break;
      case 'default_partition_expiration_days':
        found.defaultPartitionExpirationMs = value === null ? null : String(Number(value) * MS_PER_DAY);
        break;
      default:
        break;
    }
  }
  return found;
}
function withoutNulls<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null)) as T;
}
