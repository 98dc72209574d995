/** A table as the REST API shows it, and the parts of one that a request may set. */
import type { Partitioning } from '../../googlesql/contract.ts';
import { etagOf, type TableRecord } from '../catalog/catalog.ts';
import { schemaFromColumns } from '../catalog/table-schema.ts';
import type { TableSize } from '../catalog/table-size.ts';
import { invalid } from '../errors.ts';
import type { Json } from './http.ts';
import { mergeLabels } from './labels.ts';

export const tableReference = ({ path }: Pick<TableRecord, 'path'>) => ({
  projectId: path.project,
  datasetId: path.dataset,
  tableId: path.table,
});
const idOf = ({ path }: TableRecord) => `${path.project}:${path.dataset}.${path.table}`;

function partitioningResource(table: TableRecord): Record<string, unknown> {
  const { partitioning } = table;
  if (!partitioning) return {};
  if (partitioning.granularity === 'RANGE') {
    const { start, end, interval } = partitioning.range!;
    return {
      rangePartitioning: { field: partitioning.column, range: { start: String(start), end: String(end), interval: String(interval) } },
    };
  }
  return {
    timePartitioning: {
      type: partitioning.granularity,
      ...(partitioning.column === '_PARTITIONTIME' ? {} : { field: partitioning.column }),
      ...(table.partitionExpirationMs === undefined ? {} : { expirationMs: table.partitionExpirationMs }),
      ...(table.requirePartitionFilter ? { requirePartitionFilter: true } : {}),
    },
    ...(table.requirePartitionFilter ? { requirePartitionFilter: true } : {}),
  };
}

export function listedTable(table: TableRecord): Record<string, unknown> {
  return {
    kind: 'bigquery#table',
    id: idOf(table),
    tableReference: tableReference(table),
    type: table.kind,
    ...(table.friendlyName === undefined ? {} : { friendlyName: table.friendlyName }),
    ...(table.labels && Object.keys(table.labels).length > 0 ? { labels: table.labels } : {}),
    ...partitioningResource(table),
    ...(table.clustering ? { clustering: { fields: table.clustering } } : {}),
    ...(table.kind === 'VIEW' ? { view: { useLegacySql: false } } : {}),
    creationTime: String(table.created),
    ...(table.expirationTime === undefined ? {} : { expirationTime: table.expirationTime }),
  };
}

export function tableResource(
  table: TableRecord,
  size: TableSize,
  origin: string,
  streaming?: Record<string, unknown>,
): Record<string, unknown> {
  const { project, dataset, table: id } = table.path;
  return {
    kind: 'bigquery#table',
    etag: etagOf(table),
    id: idOf(table),
    selfLink: `${origin}/bigquery/v2/projects/${project}/datasets/${dataset}/tables/${encodeURIComponent(id)}`,
    tableReference: tableReference(table),
    ...(table.friendlyName === undefined ? {} : { friendlyName: table.friendlyName }),
    ...(table.description === undefined ? {} : { description: table.description }),
    ...(table.labels && Object.keys(table.labels).length > 0 ? { labels: table.labels } : {}),
    schema: schemaFromColumns(table.columns),
    numBytes: String(size.bytes),
    numLongTermBytes: '0',
    numRows: String(size.rows),
    numTotalLogicalBytes: String(size.bytes),
    numActiveLogicalBytes: String(size.bytes),
    numLongTermLogicalBytes: '0',
    creationTime: String(table.created),
    lastModifiedTime: String(table.modified),
    ...(table.expirationTime === undefined ? {} : { expirationTime: table.expirationTime }),
    type: table.kind,
    location: table.location,
    ...partitioningResource(table),
    ...(table.clustering ? { clustering: { fields: table.clustering } } : {}),
    ...(table.primaryKey ? { tableConstraints: { primaryKey: { columns: table.primaryKey } } } : {}),
    ...(table.viewSql === undefined ? {} : { view: { query: table.viewSql, useLegacySql: false } }),
    ...(streaming ? { streamingBuffer: streaming } : {}),
    ...table.other,
  };
}

const granularities = ['HOUR', 'DAY', 'MONTH', 'YEAR'];

export function partitioningFrom(
  body: Json,
  columns: TableRecord['columns'],
): Pick<TableRecord, 'partitioning' | 'partitionExpirationMs' | 'requirePartitionFilter'> {
  const found: { partitioning?: Partitioning; partitionExpirationMs?: string; requirePartitionFilter?: boolean } = {};
  const typeOf = (name: string) => {
    const column = columns.find((candidate) => candidate.name.toLowerCase() === String(name).toLowerCase());
    if (!column) throw invalid(`The field specified for partitioning cannot be found in the schema. Field: ${name}`);
    return column.type.kind;
  };
  if (body.timePartitioning) {
    const { type = 'DAY', field, expirationMs, requirePartitionFilter } = body.timePartitioning;
    if (!granularities.includes(type)) throw invalid(`Invalid value for timePartitioning.type: ${type} is not a valid value`);
    if (field !== undefined && !['DATE', 'DATETIME', 'TIMESTAMP'].includes(typeOf(field))) {
      throw invalid(`The field specified for partitioning must be a DATE, DATETIME or TIMESTAMP column: ${field}`);
    }
    found.partitioning = { column: field ?? '_PARTITIONTIME', granularity: type };
    if (expirationMs !== undefined && expirationMs !== null && String(expirationMs) !== '0')
      found.partitionExpirationMs = String(expirationMs);
    if (requirePartitionFilter) found.requirePartitionFilter = true;
  } else if (body.rangePartitioning) {
    const { field, range } = body.rangePartitioning;
    if (typeOf(field) !== 'INT64') throw invalid(`The field specified for range partitioning must be an INTEGER column: ${field}`);
    if (!range?.interval) throw invalid('rangePartitioning.range.interval is required');
    found.partitioning = {
      column: field,
      granularity: 'RANGE',
      range: { start: BigInt(range.start), end: BigInt(range.end), interval: BigInt(range.interval) },
    };
  }
  if (body.requirePartitionFilter) found.requirePartitionFilter = true;
  return found;
}

/** The settings that need no change of the physical table. `replace` clears what the body leaves out. */
export function withSettings(table: TableRecord, body: Json, replace: boolean): TableRecord {
  const next: Record<string, unknown> = { ...table };
  for (const name of ['description', 'friendlyName', 'expirationTime']) {
    if (body[name] !== undefined && body[name] !== null) next[name] = String(body[name]);
    else if (replace || body[name] === null) delete next[name];
  }
  if (replace || body.labels !== undefined) next.labels = mergeLabels(replace ? {} : table.labels, body.labels);
  if (body.requirePartitionFilter !== undefined) next.requirePartitionFilter = Boolean(body.requirePartitionFilter);
  if (body.timePartitioning) {
    const { expirationMs, requirePartitionFilter } = body.timePartitioning;
    if (expirationMs === null || String(expirationMs) === '0') delete next.partitionExpirationMs;
    else if (expirationMs !== undefined) next.partitionExpirationMs = String(expirationMs);
    if (requirePartitionFilter !== undefined) next.requirePartitionFilter = Boolean(requirePartitionFilter);
  }
  if (body.clustering !== undefined) {
    if (body.clustering?.fields) next.clustering = body.clustering.fields;
    else delete next.clustering;
  }
  const key = body.tableConstraints?.primaryKey?.columns;
  if (key !== undefined) next.primaryKey = key;
  return next as unknown as TableRecord;
}
