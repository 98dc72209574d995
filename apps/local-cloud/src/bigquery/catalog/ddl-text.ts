/** Datasets and tables in the words of DDL, as INFORMATION_SCHEMA shows them: types, options, and the statement that would make it again. */
import type { Column } from '../../googlesql/contract.ts';
import { formatType } from '../../googlesql/sql-type.ts';
import type { DatasetRecord, TableRecord } from './catalog.ts';

export const quoted = (text: string) => JSON.stringify(text);

export function columnType(column: Column): string {
  const text = formatType(column.type);
  if (column.maxLength !== undefined) return `${text}(${column.maxLength})`;
  if (column.precision !== undefined) return `${text}(${column.precision}${column.scale === undefined ? '' : `, ${column.scale}`})`;
  return text;
}

interface Option {
  option_name: string;
  option_type: string;
  option_value: string;
}
const labelsOption = (labels: Readonly<Record<string, string>> | undefined): Option[] =>
  labels && Object.keys(labels).length > 0
    ? [
        {
          option_name: 'labels',
          option_type: 'ARRAY<STRUCT<STRING, STRING>>',
          option_value: `[${Object.entries(labels)
            .map(([k, v]) => `STRUCT(${quoted(k)}, ${quoted(v)})`)
            .join(', ')}]`,
        },
      ]
    : [];
const textOptions = (record: { description?: string; friendlyName?: string }): Option[] => [
  ...(record.description === undefined
    ? []
    : [{ option_name: 'description', option_type: 'STRING', option_value: quoted(record.description) }]),
  ...(record.friendlyName === undefined
    ? []
    : [{ option_name: 'friendly_name', option_type: 'STRING', option_value: quoted(record.friendlyName) }]),
];
const days = (millis: string) => String(Number(millis) / 86_400_000);
export function datasetOptions(d: DatasetRecord): Option[] {
  return [
    ...textOptions(d),
    ...(d.defaultTableExpirationMs === undefined
      ? []
      : [{ option_name: 'default_table_expiration_days', option_type: 'FLOAT64', option_value: days(d.defaultTableExpirationMs) }]),
    ...labelsOption(d.labels),
  ];
}
export function tableOptions(t: TableRecord): Option[] {
  return [
    ...textOptions(t),
    ...(t.expirationTime === undefined
      ? []
      : [
          {
            option_name: 'expiration_timestamp',
            option_type: 'TIMESTAMP',
            option_value: `TIMESTAMP ${quoted(new Date(Number(t.expirationTime)).toISOString())}`,
          },
        ]),
    ...(t.partitionExpirationMs === undefined
      ? []
      : [{ option_name: 'partition_expiration_days', option_type: 'FLOAT64', option_value: days(t.partitionExpirationMs) }]),
    ...(t.requirePartitionFilter ? [{ option_name: 'require_partition_filter', option_type: 'BOOL', option_value: 'true' }] : []),
    ...labelsOption(t.labels),
  ];
}

export function ddlOf(t: TableRecord): string {
  const name = `\`${t.path.project}.${t.path.dataset}.${t.path.table}\``;
  if (t.kind === 'VIEW') return `CREATE VIEW ${name}\nAS ${t.viewSql};`;
  const columns = t.columns.map(
    (c) =>
      `  ${c.name} ${columnType(c)}${c.required ? ' NOT NULL' : ''}${c.defaultSql === undefined ? '' : ` DEFAULT ${c.defaultSql}`}${c.description === undefined ? '' : ` OPTIONS(description=${quoted(c.description)})`}`,
  );
  if (t.primaryKey) columns.push(`  PRIMARY KEY (${t.primaryKey.join(', ')}) NOT ENFORCED`);
  const by = partitionClause(t);
  const options = tableOptions(t).map((option) => `  ${option.option_name}=${option.option_value}`);
  return `CREATE TABLE ${name}\n(\n${columns.join(',\n')}\n)${by ? `\nPARTITION BY ${by}` : ''}${t.clustering ? `\nCLUSTER BY ${t.clustering.join(', ')}` : ''}${options.length > 0 ? `\nOPTIONS(\n${options.join(',\n')}\n)` : ''};`;
}

function partitionClause(t: TableRecord): string | undefined {
  const { partitioning } = t;
  if (!partitioning) return undefined;
  const { column, granularity, range } = partitioning;
  if (granularity === 'RANGE') return `RANGE_BUCKET(${column}, GENERATE_ARRAY(${range!.start}, ${range!.end}, ${range!.interval}))`;
  if (column === '_PARTITIONTIME') return granularity === 'DAY' ? '_PARTITIONDATE' : `TIMESTAMP_TRUNC(_PARTITIONTIME, ${granularity})`;
  const type = t.columns.find((c) => c.name.toLowerCase() === column.toLowerCase())?.type.kind;
  if (granularity === 'DAY') return type === 'DATE' ? column : `DATE(${column})`;
  return `${type}_TRUNC(${column}, ${granularity})`;
}
