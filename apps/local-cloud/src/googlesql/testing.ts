/** For tests of this folder: compiles and runs statements on a DuckDB in memory, and renders rows as BigQuery's REST does. */
import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import {
  type Bind,
  type Catalog,
  type CatalogRoutine,
  type CatalogTable,
  type Column,
  type CompileContext,
  type CompiledQuery,
  type DuckSql,
  GoogleSqlError,
  type QueryParameter,
  type SqlType,
  type TablePath,
} from './contract.ts';
import { compile, physicalType, prelude, registerFunctions, translateDuckError } from './index.ts';
import { renderScaled } from './runtime/decimal.ts';
import { formatInterval } from './runtime/interval.ts';
import { floatText } from './runtime/numbers.ts';
import { dateText, datetimeText, timeText } from './runtime/times.ts';
import { quote } from './sql-type.ts';

export interface RestRow {
  readonly f: readonly { readonly v: unknown }[];
}
export interface RestField {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  readonly fields?: readonly RestField[];
}

const REST_TYPES: Readonly<Record<string, string>> = { INT64: 'INTEGER', FLOAT64: 'FLOAT', BOOL: 'BOOLEAN', STRUCT: 'RECORD' };
export function restField(column: { name: string; type: SqlType }): RestField {
  const { name, type } = column;
  if (type.kind === 'ARRAY') return { ...restField({ name, type: type.element }), mode: 'REPEATED' };
  const base = { name, type: REST_TYPES[type.kind] ?? type.kind, mode: 'NULLABLE' };
  return type.kind === 'STRUCT' ? { ...base, fields: type.fields.map(restField) } : base;
}

// biome-ignore lint/suspicious/noExplicitAny: DuckDB's value classes, by the physical type that the compiler promised.
export function restValue(v: any, type: SqlType): unknown {
  if (v === null || v === undefined) return null;
  switch (type.kind) {
    case 'ARRAY':
      return v.items.map((e: unknown) => ({ v: restValue(e, type.element) }));
    case 'STRUCT':
      return { f: Object.values(v.entries).map((e, i) => ({ v: restValue(e, type.fields[i]!.type) })) };
    case 'RANGE': {
      const [from, to] = Object.values(v.entries).map((e) => restValue(e, type.element) ?? 'UNBOUNDED');
      return `[${from}, ${to})`;
    }
    case 'FLOAT64':
      return Number.isFinite(v) ? floatText(v) : Number.isNaN(v) ? 'NaN' : v < 0 ? '-Infinity' : 'Infinity';
    case 'NUMERIC':
      return renderScaled(v.value, 9);
    case 'BIGNUMERIC':
      return renderScaled(v, 38);
    case 'BYTES':
      return Buffer.from(v.bytes).toString('base64');
    case 'DATE':
      return dateText(v.days);
    case 'TIME':
      return timeText(v.micros);
    case 'DATETIME':
      return datetimeText(v.micros).replace(' ', 'T');
    case 'TIMESTAMP':
      return v.micros.toString();
    case 'INTERVAL':
      return formatInterval(v);
    default:
      return String(v);
  }
}

export class TestCatalog implements Catalog {
  readonly defaultProject = 'p';
  readonly defaultDataset = 'd';
  readonly tables = new Map<string, CatalogTable>();
  readonly routines = new Map<string, CatalogRoutine>();
  table(path: TablePath): CatalogTable | undefined {
    return this.tables.get(`${path.dataset}.${path.table}`);
  }
  tablesWithPrefix(_project: string, dataset: string, prefix: string): readonly CatalogTable[] {
    return [...this.tables.values()].filter((t) => t.path.dataset === dataset && t.path.table.startsWith(prefix));
  }
  datasetExists(project: string, dataset: string): boolean {
    return project === 'p' && dataset === 'd';
  }
  routine(_project: string, dataset: string, name: string): CatalogRoutine | undefined {
    return this.routines.get(`${dataset}.${name.toLowerCase()}`);
  }
  informationSchema(): CatalogTable | undefined {
    return undefined;
  }
  names(): readonly string[] {
    return [...this.tables.values()].map((t) => t.path.table);
  }
  add(table: CatalogTable): void {
    this.tables.set(`${table.path.dataset}.${table.path.table}`, table);
  }
}

export interface Parameter extends QueryParameter {
  readonly value: DuckDBValue;
}

export class Runner {
  readonly catalog = new TestCatalog();
  readonly variables = new Map<string, SqlType>();
  readonly connection: DuckDBConnection;
  private readonly instance: DuckDBInstance;
  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.instance = instance;
    this.connection = connection;
  }
  static async open(): Promise<Runner> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
    const connection = await instance.connect();
    registerFunctions(connection);
    for (const sql of prelude) await connection.run(sql);
    return new Runner(instance, connection);
  }
  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }

  context(parameters: readonly Parameter[] = [], positional = false): CompileContext {
    return {
      catalog: this.catalog,
      parameters: parameters.map(({ name, type }) => (name === undefined ? { type } : { name, type })),
      positional,
      variables: this.variables,
    };
  }
  private bind(b: Bind, parameters: readonly Parameter[]): DuckDBValue {
    if (b.from === 'parameter') return (b.name !== undefined ? parameters.find((p) => p.name === b.name) : parameters[b.index!])!.value;
    if (b.from === 'context' && b.name === 'now') return '2025-06-15 12:34:56.789+00';
    if (b.from === 'context') return b.name === 'project' ? 'p' : 'me@example.com';
    return null;
  }
  async duck(sql: DuckSql, parameters: readonly Parameter[] = []) {
    try {
      return await this.connection.runAndReadAll(
        sql.text,
        sql.binds.map((b) => this.bind(b, parameters)),
      );
    } catch (error) {
      throw translateDuckError(error as Error) ?? error;
    }
  }
  async query(
    sql: string,
    parameters: readonly Parameter[] = [],
    positional = false,
  ): Promise<{ schema: RestField[]; rows: RestRow[]; compiled: CompiledQuery }> {
    const compiled = compile(sql, this.context(parameters, positional));
    if (compiled.kind !== 'query') throw new Error(`not a query: ${compiled.kind}`);
    const result = await this.duck(compiled.sql, parameters);
    return {
      schema: compiled.columns.map(restField),
      rows: result.getRows().map((row) => ({ f: row.map((v, i) => ({ v: restValue(v, compiled.columns[i]!.type) })) })),
      compiled,
    };
  }
  /** Rows as plain nested arrays of texts. */
  async values(sql: string, parameters: readonly Parameter[] = []): Promise<unknown[][]> {
    const { rows } = await this.query(sql, parameters);
    const strip = (v: unknown): unknown =>
      Array.isArray(v)
        ? v.map((e) => strip((e as { v: unknown }).v))
        : v !== null && typeof v === 'object'
          ? (v as RestRow).f.map((c) => strip(c.v))
          : v;
    return rows.map((r) => r.f.map((c) => strip(c.v)));
  }
  /** Runs DML as the storage side does; the answer is the number of rows by effect. */
  async run(sql: string, parameters: readonly Parameter[] = []): Promise<Record<string, number>> {
    const compiled = compile(sql, this.context(parameters));
    if (compiled.kind === 'query' || compiled.kind === 'ddl') throw new Error(`not DML: ${compiled.kind}`);
    for (const check of compiled.prechecks) {
      const found = await this.duck(check.sql, parameters);
      if (found.currentRowCount > 0) throw new GoogleSqlError('invalidQuery', check.message);
    }
    const counts: Record<string, number> = { inserted: 0, updated: 0, deleted: 0 };
    await this.connection.run('BEGIN TRANSACTION');
    try {
      for (const { effect, sql: text } of compiled.statements) {
        const result = await this.duck(text, parameters);
        if (effect !== 'none' && effect !== 'partitions') counts[effect]! += result.rowsChanged;
      }
      await this.connection.run('COMMIT');
    } catch (error) {
      await this.connection.run('ROLLBACK');
      throw error;
    }
    return counts;
  }
  async table(name: string, columns: readonly Column[], more: Partial<CatalogTable> = {}): Promise<CatalogTable> {
    const extra = more.partitioning?.column === '_PARTITIONTIME' ? [', "_PARTITIONTIME" TIMESTAMPTZ'] : [];
    await this.connection.run(
      `CREATE TABLE ${quote(name)} (${columns.map((c) => `${quote(c.name)} ${physicalType(c.type)}`).join(', ')}${extra.join('')})`,
    );
    const table: CatalogTable = {
      path: { project: 'p', dataset: 'd', table: name },
      kind: 'TABLE',
      columns,
      physical: quote(name),
      ...more,
    };
    this.catalog.add(table);
    return table;
  }
}
