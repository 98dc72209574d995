/** CREATE TABLE: its own columns, those of a query, or another table's (LIKE, CLONE, COPY); for good or for the length of a script. */
import type { CompiledQuery, Ddl } from '../../googlesql/contract.ts';
import { quote } from '../../googlesql/sql-type.ts';
import { demand } from '../catalog/access.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import type { NewTable } from '../catalog/metadata.ts';
import { steadily } from '../catalog/moved.ts';
import { physicalName } from '../catalog/parts.ts';
import { storedColumn } from '../catalog/stored-column.ts';
import { ApiError, invalid } from '../errors.ts';
import type { Connection } from '../storage/connection.ts';
import { arriveNow, columnsDdl } from '../storage/store.ts';
import { withOptions } from './ddl-options.ts';
import { duck } from './errors.ts';
import type { DdlOutcome } from './outcome.ts';
import type { Runner } from './runner.ts';
import type { Looked } from './scoped-catalog.ts';
import type { Session } from './session.ts';
import { dropPhysical } from './temporary-tables.ts';

type CreateTable = Extract<Ddl, { op: 'createTable' }>;

export async function createTable(statements: Runner, ddl: CreateTable, session: Session, looked: Looked): Promise<DdlOutcome> {
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

type Fill = (connection: Connection, physical: string) => Promise<void>;

function fillFrom(
  statements: Runner,
  query: CompiledQuery | undefined,
  source: TableRecord | undefined,
  made: NewTable,
  session: Session,
  looked: Looked,
): Fill | undefined {
  const names = made.columns.map((column) => quote(column.name)).join(', ');
  const { catalog } = statements.service.store;
  if (source) {
    // From before the transaction that fills, whose snapshot may be older than what moves meanwhile.
    const watched = { steady: new Map([[source.id, catalog.parts.watch(source.id)]]) };
    return async (connection, physical) => {
      await steadily(watched, () => connection.run(`INSERT INTO ${physical} (${names}) SELECT ${names} FROM ${catalog.rowsOf(source)}`));
    };
  }
  if (!query) return undefined;
  return async (connection, physical) => {
    const run = () => connection.run(`INSERT INTO ${physical} (${names}) ${query.sql.text}`, statements.bind(query.sql, session));
    // INFORMATION_SCHEMA rows have to be on the connection that runs the query.
    await steadily(looked, () => duck(() => statements.onGivenConnection(connection, session, looked, run)));
  };
}

async function temporaryTable(
  statements: Runner,
  ddl: CreateTable,
  made: NewTable,
  fill: Fill | undefined,
  session: Session,
  statementType: string,
): Promise<DdlOutcome> {
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
  const create = async (connection: Connection) => {
    await connection.run(`CREATE TABLE ${physicalName(record.id)} (${columnsDdl(record.columns, record.partitioning)})`);
    await fill?.(connection, physicalName(record.id));
    await arriveNow(connection, physicalName(record.id), record.partitioning);
  };
  if (session.transaction) await create(session.transaction.connection);
  else await store.database.transaction(create);
  store.catalog.markPhysical(record.id, true);
  session.tempTables.set(table, record);
  session.temporaryVersion++;
  if (old) await dropPhysical(store, old);
  return { statementType, ddl: { operation: old ? 'REPLACE' : 'CREATE', table: ddl.path } };
}
