/**
 * Rows into a destination table with a write disposition: what query destinations, loads and copies have in common.
 * The new rows and whatever they replace change in one transaction.
 */
import type { Column, TablePath } from '../../googlesql/contract.ts';
import type { Caller } from '../../identity/index.ts';
import { demand } from '../catalog/access.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import type { NewTable } from '../catalog/metadata.ts';
import { physicalName } from '../catalog/parts.ts';
import { reshapeSql } from '../catalog/reshape.ts';
import { widenedColumns } from '../catalog/widened-columns.ts';
import { ApiError, invalid, noTable } from '../errors.ts';
import type { Service } from '../service.ts';
import type { Connection } from '../storage/connection.ts';
import { arriveNow } from '../storage/store.ts';

export interface Destination {
  readonly path: TablePath;
  readonly write: string;
  readonly create: string;
  readonly schemaUpdate: readonly string[];
  readonly settings?: Partial<NewTable>;
}
const sameType = (a: Column, b: Column) => JSON.stringify(a.type) === JSON.stringify(b.type);

/** `fill` inserts into the physical table, naming its columns. */
export async function writeTable(
  service: Service,
  caller: Caller,
  destination: Destination,
  columns: readonly Column[],
  fill: (connection: Connection, physical: string) => Promise<void>,
  beforeCommit?: (connection: Connection) => Promise<void>,
): Promise<TableRecord> {
  const { metadata, store } = service;
  const { path } = destination;
  metadata.dataset(path.project, path.dataset);
  demand(store.catalog, caller, 'write', store.catalog.table(path) ? path : { project: path.project, dataset: path.dataset });
  const existing = metadata.find(path);
  const finish = async (connection: Connection, physical: string) => {
    await fill(connection, physical);
    await beforeCommit?.(connection);
  };
  if (!existing) {
    if (destination.create === 'CREATE_NEVER') throw noTable(path.project, path.dataset, path.table);
    const { record } = await metadata.createTable({ path, kind: 'TABLE', columns, ...destination.settings }, { fill: finish });
    return record;
  }
  if (existing.kind === 'VIEW')
    throw invalid(`${path.project}:${path.dataset}.${path.table} is not allowed for this operation because it is currently a VIEW.`);
  if (destination.write === 'WRITE_TRUNCATE' || destination.write === 'WRITE_TRUNCATE_DATA') {
    const { policies: _, ...kept } = existing;
    const shape = destination.write === 'WRITE_TRUNCATE' && columns.length > 0 ? columns : existing.columns;
    const described = shape.map((column) => ({
      ...existing.columns.find((old) => old.name.toLowerCase() === column.name.toLowerCase() && sameType(old, column)),
      ...column,
    }));
    const { record } = await metadata.createTable(
      { ...kept, ...destination.settings, columns: described },
      { orReplace: true, fill: finish },
    );
    service.store.changed(record.id);
    return record;
  }
  if (destination.write === 'WRITE_EMPTY' && (await service.sizes.of(existing)).rows > 0) {
    throw new ApiError('duplicate', `Already Exists: Table ${path.project}:${path.dataset}.${path.table}`);
  }
  let table = existing;
  const added = columns.filter((column) => !existing.columns.some((old) => old.name.toLowerCase() === column.name.toLowerCase()));
  const retyped = columns.find((column) =>
    existing.columns.some((old) => old.name.toLowerCase() === column.name.toLowerCase() && !sameType(old, column)),
  );
  if (retyped) {
    const old = existing.columns.find((candidate) => candidate.name.toLowerCase() === retyped.name.toLowerCase())!;
    throw invalid(
      `Provided Schema does not match Table ${path.project}:${path.dataset}.${path.table}. Field ${old.name} has changed type from ${old.type.kind} to ${retyped.type.kind}`,
    );
  }
  if (added.length > 0) {
    if (!destination.schemaUpdate.includes('ALLOW_FIELD_ADDITION'))
      throw invalid(
        `Provided Schema does not match Table ${path.project}:${path.dataset}.${path.table}. Cannot add fields (field: ${added[0]!.name})`,
      );
    table = await metadata.reshapeTable(path, (record) => {
      const next = [...record.columns, ...added.map(({ required: _, ...column }) => column)];
      widenedColumns(path, record.columns, next);
      return { record: { ...record, columns: next }, sql: reshapeSql(record, next) };
    });
  }
  if (store.ingest.has(table.id)) await store.ingest.fold(table.id);
  const physical = physicalName(table.id);
  await store.adding(table, () =>
    store.database.transaction(async (connection) => {
      await finish(connection, physical);
      await arriveNow(connection, physical, table.partitioning);
    }),
  );
  store.changed(table.id);
  return table;
}
