/**
 * INFORMATION_SCHEMA: which views there are, with which columns, and their rows made from the catalog at the moment of
 * the query. The rows go into a temporary table that lives as long as the statement.
 */
import type { DuckDBValue } from '@duckdb/node-api';
import type { CatalogTable, Column, SqlType } from '../../googlesql/contract.ts';
import { formatType } from '../../googlesql/sql-type.ts';
import type { Caller } from '../../identity/index.ts';
import type { Service } from '../service.ts';
import type { Connection } from '../storage/connection.ts';
import { appendRows } from '../storage/ingest.ts';
import { columnsDdl } from '../storage/store.ts';
import { valueFromJson } from '../values/from-json.ts';
import { duckType } from '../values/physical.ts';
import { may } from './access.ts';
import type { TableRecord } from './catalog.ts';
import { columnType, datasetOptions, ddlOf, quoted, tableOptions } from './ddl-text.ts';
import { partitionRows } from './partition-rows.ts';

type Scope = { readonly project: string; readonly dataset?: string; readonly region?: string };
export interface InformationView {
  readonly table: CatalogTable;
  readonly name: string;
  readonly scope: Scope;
}

const S: SqlType = { kind: 'STRING' };
const I: SqlType = { kind: 'INT64' };
const T: SqlType = { kind: 'TIMESTAMP' };
const B: SqlType = { kind: 'BOOL' };
const list = (text: string): [string, SqlType][] =>
  text.split(/\s+/).map((part) => {
    const [name, kind = 'S'] = part.split(':') as [string, string?];
    return [name, kind === 'I' ? I : kind === 'T' ? T : kind === 'B' ? B : S];
  });

const JOB_COLUMNS = [
  ...list(
    'creation_time:T project_id project_number:I user_email job_id job_type statement_type priority start_time:T end_time:T query state reservation_id total_bytes_processed:I total_slot_ms:I',
  ),
  ['error_result', { kind: 'STRUCT', fields: ['reason', 'location', 'debug_info', 'message'].map((name) => ({ name, type: S })) }],
  ['cache_hit', B],
  ['destination_table', { kind: 'STRUCT', fields: ['project_id', 'dataset_id', 'table_id'].map((name) => ({ name, type: S })) }],
  [
    'referenced_tables',
    { kind: 'ARRAY', element: { kind: 'STRUCT', fields: ['project_id', 'dataset_id', 'table_id'].map((name) => ({ name, type: S })) } },
  ],
  ['labels', { kind: 'ARRAY', element: { kind: 'STRUCT', fields: ['key', 'value'].map((name) => ({ name, type: S })) } }],
  ['total_bytes_billed', I],
  ['parent_job_id', S],
  [
    'dml_statistics',
    { kind: 'STRUCT', fields: ['inserted_row_count', 'deleted_row_count', 'updated_row_count'].map((name) => ({ name, type: I })) },
  ],
] as [string, SqlType][];

const views: Record<string, [string, SqlType][]> = {
  SCHEMATA: list('catalog_name schema_name schema_owner creation_time:T last_modified_time:T location ddl default_collation_name'),
  SCHEMATA_OPTIONS: list('catalog_name schema_name option_name option_type option_value'),
  TABLES: list(
    'table_catalog table_schema table_name table_type managed_table_type is_insertable_into is_fine_grained_mutations_enabled is_typed is_change_history_enabled creation_time:T base_table_catalog base_table_schema base_table_name snapshot_time_ms:T ddl default_collation_name upsert_stream_apply_watermark:T',
  ),
  TABLE_OPTIONS: list('table_catalog table_schema table_name option_name option_type option_value'),
  COLUMNS: list(
    'table_catalog table_schema table_name column_name ordinal_position:I is_nullable data_type is_generated generation_expression is_stored is_hidden is_updatable is_system_defined is_partitioning_column clustering_ordinal_position:I collation_name column_default rounding_mode',
  ),
  COLUMN_FIELD_PATHS: list(
    'table_catalog table_schema table_name column_name field_path data_type description collation_name rounding_mode',
  ),
  PARTITIONS: list(
    'table_catalog table_schema table_name partition_id total_rows:I total_logical_bytes:I last_modified_time:T storage_tier',
  ),
  VIEWS: list('table_catalog table_schema table_name view_definition check_option use_standard_sql'),
  ROUTINES: list(
    'specific_catalog specific_schema specific_name routine_catalog routine_schema routine_name routine_type data_type routine_body routine_definition external_language is_deterministic security_type created:T last_altered:T ddl',
  ),
  TABLE_CONSTRAINTS: list(
    'constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name constraint_type is_deferrable initially_deferred enforced',
  ),
  KEY_COLUMN_USAGE: list(
    'constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name column_name ordinal_position:I position_in_unique_constraint:I',
  ),
  ROW_ACCESS_POLICIES: list('catalog_name schema_name table_name policy_name filter_predicate grantees creation_time:T'),
  TABLE_STORAGE: list(
    'project_id table_catalog table_schema table_name creation_time:T total_rows:I total_partitions:I total_logical_bytes:I active_logical_bytes:I deleted:B table_type',
  ),
  // Older than INFORMATION_SCHEMA and still in many scripts: `dataset.__TABLES__`.
  __TABLES__: list('project_id dataset_id table_id creation_time:I last_modified_time:I row_count:I size_bytes:I type:I'),
  __TABLES_SUMMARY__: list('project_id dataset_id table_id creation_time:I type:I'),
  JOBS: JOB_COLUMNS,
  JOBS_BY_USER: JOB_COLUMNS,
  JOBS_BY_PROJECT: JOB_COLUMNS,
};
/** These belong to a region or project; asked of a dataset they show nothing of it. */
const projectWide = new Set(['SCHEMATA', 'SCHEMATA_OPTIONS', 'JOBS', 'JOBS_BY_USER', 'JOBS_BY_PROJECT', 'TABLE_STORAGE']);

export function informationView(view: string, scope: Scope, temporary: string): InformationView | undefined {
  const name = view.toUpperCase();
  const shape = Object.hasOwn(views, name) ? views[name] : undefined;
  if (!shape || (scope.dataset === undefined && scope.region === undefined && !projectWide.has(name))) return undefined;
  const columns: Column[] = shape.map(([column, type]) => ({ name: column, type }));
  const path = { project: scope.project, dataset: `${scope.dataset ?? `region-${scope.region ?? 'us'}`}.INFORMATION_SCHEMA`, table: name };
  return { name, scope, table: { path, kind: 'TABLE', columns, physical: `"${temporary}"` } };
}

export async function materialize(service: Service, caller: Caller, view: InformationView, connection: Connection): Promise<void> {
  const { columns, physical } = view.table;
  const rows = await rowsOf(service, caller, view);
  await connection.run(`CREATE TEMP TABLE ${physical} (${columnsDdl(columns)})`);
  const values = rows.map((row): DuckDBValue[] => columns.map(({ name, type }) => valueFromJson(type, row[name] ?? null, name)));
  const types = columns.map((column) => duckType(column.type));
  await appendRows(connection, { physical: physical!, types }, values);
}

type Row = Record<string, unknown>;
const at = (millis: number) => new Date(millis).toISOString();

async function rowsOf(service: Service, caller: Caller, { name, scope }: InformationView): Promise<Row[]> {
  const { catalog } = service.store;
  const datasets = (
    scope.dataset !== undefined && !projectWide.has(name)
      ? [catalog.dataset(scope.project, scope.dataset)].filter((d) => d !== undefined)
      : catalog.datasets(scope.project)
  ).filter((dataset) => may(catalog, caller, 'metadata', dataset));
  const tables = () =>
    datasets.flatMap((dataset) => catalog.tables(dataset.project, dataset.dataset)).filter((table) => service.metadata.find(table.path));
  const of = (table: TableRecord): Row => ({
    table_catalog: table.path.project,
    table_schema: table.path.dataset,
    table_name: table.path.table,
  });
  switch (name) {
    case 'SCHEMATA':
      return datasets.map((d) => ({
        catalog_name: d.project,
        schema_name: d.dataset,
        creation_time: at(d.created),
        last_modified_time: at(d.modified),
        location: d.location,
        ddl: `CREATE SCHEMA \`${d.project}.${d.dataset}\`\nOPTIONS(\n  location=${quoted(d.location)}\n);`,
      }));
    case 'SCHEMATA_OPTIONS':
      return datasets.flatMap((d) => datasetOptions(d).map((option) => ({ catalog_name: d.project, schema_name: d.dataset, ...option })));
    case 'TABLES':
      return tables().map((t) => ({
        ...of(t),
        table_type: t.kind === 'VIEW' ? 'VIEW' : 'BASE TABLE',
        is_insertable_into: t.kind === 'VIEW' ? 'NO' : 'YES',
        is_fine_grained_mutations_enabled: 'NO',
        is_typed: 'NO',
        is_change_history_enabled: 'NO',
        creation_time: at(t.created),
        ddl: ddlOf(t),
        default_collation_name: 'NULL',
      }));
    case 'TABLE_OPTIONS':
      return tables().flatMap((t) => tableOptions(t).map((option) => ({ ...of(t), ...option })));
    case 'COLUMNS':
      return tables().flatMap((t) =>
        t.columns.map((c, i) => ({
          ...of(t),
          column_name: c.name,
          ordinal_position: i + 1,
          is_nullable: c.required ? 'NO' : 'YES',
          data_type: columnType(c),
          is_generated: 'NEVER',
          is_hidden: 'NO',
          is_updatable: null,
          is_system_defined: 'NO',
          is_partitioning_column: t.partitioning?.column.toLowerCase() === c.name.toLowerCase() ? 'YES' : 'NO',
          clustering_ordinal_position: clusteringPosition(t, c),
          collation_name: 'NULL',
          column_default: c.defaultSql ?? 'NULL',
        })),
      );
    case 'COLUMN_FIELD_PATHS':
      return tables().flatMap((t) =>
        t.columns.flatMap((c) =>
          fieldPaths(c.name, c.type).map(([path, type]) => ({
            ...of(t),
            column_name: c.name,
            field_path: path,
            data_type: formatType(type),
            description: path === c.name ? (c.description ?? null) : null,
            collation_name: 'NULL',
          })),
        ),
      );
    case 'PARTITIONS':
      return partitionRows(service, tables());
    case 'VIEWS':
      return tables()
        .filter((t) => t.kind === 'VIEW')
        .map((t) => ({ ...of(t), view_definition: t.viewSql, use_standard_sql: 'YES' }));
    case 'ROUTINES':
      return datasets
        .flatMap((d) => catalog.routines(d.project, d.dataset))
        .map(({ routine, created, modified }) => ({
          specific_catalog: routine.path.project,
          specific_schema: routine.path.dataset,
          specific_name: routine.path.routine,
          routine_catalog: routine.path.project,
          routine_schema: routine.path.dataset,
          routine_name: routine.path.routine,
          routine_type: routine.kind === 'TABLE' ? 'TABLE FUNCTION' : 'FUNCTION',
          data_type: routine.returns ? formatType(routine.returns) : null,
          routine_body: 'SQL',
          routine_definition: routine.bodySql,
          created: at(created),
          last_altered: at(modified),
        }));
    case 'TABLE_CONSTRAINTS':
      return tables()
        .filter((t) => t.primaryKey)
        .map((t) => ({
          ...of(t),
          ...constraint(t),
          constraint_type: 'PRIMARY KEY',
          is_deferrable: 'NO',
          initially_deferred: 'NO',
          enforced: 'NO',
        }));
    case 'KEY_COLUMN_USAGE':
      return tables().flatMap((t) =>
        (t.primaryKey ?? []).map((column, i) => ({ ...of(t), ...constraint(t), column_name: column, ordinal_position: i + 1 })),
      );
    case 'ROW_ACCESS_POLICIES':
      return tables().flatMap((t) =>
        (t.policies ?? []).map((p) => ({
          catalog_name: t.path.project,
          schema_name: t.path.dataset,
          table_name: t.path.table,
          policy_name: p.name,
          filter_predicate: p.filter,
          grantees: p.grantees.join(','),
          creation_time: at(p.created),
        })),
      );
    case 'TABLE_STORAGE':
      return Promise.all(
        tables().map(async (t) => {
          const size = await service.sizes.of(t);
          return {
            project_id: t.path.project,
            ...of(t),
            creation_time: at(t.created),
            total_rows: size.rows,
            total_logical_bytes: size.bytes,
            active_logical_bytes: size.bytes,
            deleted: false,
            table_type: t.kind === 'VIEW' ? 'VIEW' : 'BASE TABLE',
          };
        }),
      );
    case '__TABLES__':
    case '__TABLES_SUMMARY__':
      return Promise.all(
        tables().map(async (t) => {
          const { rows, bytes } = name === '__TABLES__' ? await service.sizes.of(t) : { rows: 0, bytes: 0 };
          return {
            project_id: t.path.project,
            dataset_id: t.path.dataset,
            table_id: t.path.table,
            creation_time: t.created,
            last_modified_time: t.modified,
            row_count: rows,
            size_bytes: bytes,
            type: t.kind === 'VIEW' ? 2 : 1,
          };
        }),
      );
    default:
      return service.jobs.informationRows(scope.project, name === 'JOBS_BY_USER' ? caller.subject : undefined);
  }
}

const constraint = (t: TableRecord): Row => ({
  constraint_catalog: t.path.project,
  constraint_schema: t.path.dataset,
  constraint_name: `${t.path.table}.pk$`,
});

function clusteringPosition(t: TableRecord, c: Column): number | null {
  const i = (t.clustering ?? []).findIndex((name) => name.toLowerCase() === c.name.toLowerCase());
  return i < 0 ? null : i + 1;
}

function fieldPaths(path: string, type: SqlType): [string, SqlType][] {
  const inner = type.kind === 'ARRAY' ? type.element : type;
  return [
    [path, type],
    ...(inner.kind === 'STRUCT' ? inner.fields.flatMap((field) => fieldPaths(`${path}.${field.name}`, field.type)) : []),
  ];
}
