/** INFORMATION_SCHEMA.PARTITIONS: the partitions that a table's rows are in, counted at the moment of the query. */
import { quote } from '../../googlesql/sql-type.ts';
import type { Service } from '../service.ts';
import type { TableRecord } from './catalog.ts';
import { readingAll } from './moved.ts';

/** The partition id of a row, as SQL over the physical table. */
function partitionIdSql(t: Pick<TableRecord, 'partitioning'>): string | undefined {
  const { partitioning } = t;
  if (!partitioning) return undefined;
  const column = quote(partitioning.column);
  if (partitioning.granularity === 'RANGE') {
    const { start, end, interval } = partitioning.range!;
    return `CASE WHEN ${column} IS NULL THEN '__NULL__' WHEN ${column} < ${start} OR ${column} >= ${end} THEN '__UNPARTITIONED__' ELSE CAST(${start} + ((${column} - ${start}) // ${interval}) * ${interval} AS VARCHAR) END`;
  }
  const format = { HOUR: '%Y%m%d%H', DAY: '%Y%m%d', MONTH: '%Y%m', YEAR: '%Y' }[partitioning.granularity];
  return `coalesce(strftime(${column}, '${format}'), '__NULL__')`;
}

export async function partitionRows(service: Service, tables: readonly TableRecord[]): Promise<Record<string, unknown>[]> {
  const { store } = service;
  const found: Record<string, unknown>[] = [];
  for (const table of tables) {
    if (table.kind !== 'TABLE') continue;
    const counted = await counts(service, table).catch((error) => {
      // Dropped since the tables were listed.
      if (store.catalog.byId(table.id)) throw error;
    });
    if (!counted) continue;
    const { partitions, size } = counted;
    const all = table.partitioning || partitions.length > 0 ? partitions : [[null, 0n]];
    for (const [partition, count] of all) {
      found.push({
        table_catalog: table.path.project,
        table_schema: table.path.dataset,
        table_name: table.path.table,
        partition_id: partition,
        total_rows: Number(count),
        total_logical_bytes: size.rows === 0 ? 0 : Math.round((size.bytes * Number(count)) / size.rows),
        last_modified_time: new Date(table.modified).toISOString(),
        storage_tier: 'ACTIVE',
      });
    }
  }
  return found;
}

async function counts({ store, sizes }: Service, table: TableRecord) {
  await store.readable([table]);
  const size = await sizes.of(table);
  const id = partitionIdSql(table) ?? 'NULL';
  const query = () =>
    store.database.use((connection) =>
      connection.rows(`SELECT ${id} AS id, count(*) FROM ${store.catalog.rowsOf(table)} GROUP BY 1 ORDER BY 1`),
    );
  const partitions = await readingAll(store.catalog, [table], (steady) => steady(query));
  return { partitions, size };
}
