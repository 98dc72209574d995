/** Values as GoogleSQL parameters. INT64 may be number (safe integers) or bigint, NUMERIC a decimal string, TIMESTAMP and DATE strings. */
export type SqlValue = null | string | number | bigint | boolean | Buffer | readonly SqlValue[] | { readonly [field: string]: SqlValue };

/** GoogleSQL type text: `STRING`, `ARRAY<STRUCT<id STRING, n INT64>>`. Every parameter is typed, so nulls and empty arrays travel. */
export interface SqlParameter {
  readonly type: string;
  readonly value: SqlValue;
}

export interface Statement {
  readonly sql: string;
  readonly parameters?: Readonly<Record<string, SqlParameter>>;
  /** Two-part table names resolve here. */
  readonly defaultDataset?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly maximumBytesBilled?: bigint;
  /** Aborting cancels the job in the warehouse too. */
  readonly signal?: AbortSignal;
  /** A deterministic job id makes a resend harmless: the answer of the first one is returned. */
  readonly jobId?: string;
  readonly location?: string;
  /** The warehouse gives the job up after that. */
  readonly timeoutMilliseconds?: number;
}

/** NUMERIC, INT64, TIMESTAMP and DATE come back as strings (INT64 as number when safe); arrays as arrays, structs as objects. */
export type Row = Readonly<Record<string, unknown>>;

export interface StatementResult {
  readonly rows: readonly Row[];
  /** Rows changed by DML; undefined for queries. */
  readonly affectedRows: number | undefined;
  readonly bytesProcessed: bigint;
  readonly jobId: string | undefined;
}

export interface ColumnSpec {
  readonly name: string;
  /** GoogleSQL type text. */
  readonly type: string;
  readonly required?: boolean;
  readonly description: string;
}
export interface TableSpec {
  readonly name: string;
  readonly description: string;
  readonly columns: readonly ColumnSpec[];
  readonly partitionBy?: { readonly column: string; readonly granularity: 'HOUR' | 'DAY' | 'MONTH'; readonly expirationDays?: number };
  readonly clusterBy?: readonly string[];
}
export interface ViewSpec {
  readonly name: string;
  readonly description: string;
  readonly sql: string;
}

/** Errors arrive as contracts' Transient (503, rate limits, conflicts after retries) or as WarehouseError. */
export interface Warehouse {
  readonly project: string;
  run(statement: Statement): Promise<StatementResult>;
  /** Validates and estimates without running. */
  dryRun(statement: Statement): Promise<{ readonly bytesProcessed: bigint; readonly schema: readonly { name: string; type: string }[] }>;
  pages(statement: Statement, pageSize: number): AsyncIterable<readonly Row[]>;
  /** All idempotent: true when it was made now, false when it was there. */
  createDataset(
    dataset: string,
    options: { readonly location: string; readonly description: string; readonly labels?: Readonly<Record<string, string>> },
  ): Promise<boolean>;
  createTable(dataset: string, table: TableSpec): Promise<boolean>;
  createView(dataset: string, view: ViewSpec): Promise<boolean>;
  /** Lets accounts (e-mails) read or write all of a dataset, or one table of it. What was granted before stays. */
  grant(to: { readonly dataset: string; readonly table?: string }, right: 'read' | 'write', accounts: readonly string[]): Promise<boolean>;
  dropDataset(dataset: string): Promise<void>;
  datasetExists(dataset: string): Promise<boolean>;
  columnsOf(dataset: string, table: string): Promise<readonly { name: string; type: string; mode: string }[] | undefined>;
  addColumns(dataset: string, table: string, columns: readonly ColumnSpec[]): Promise<void>;
  /** Rows by the Storage Write API's default stream: visible at once, at least once. */
  append(dataset: string, table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void>;
  /** A file into a table by a load job. */
  load(
    dataset: string,
    table: string,
    file: {
      readonly path: string;
      readonly format: 'CSV' | 'NEWLINE_DELIMITED_JSON' | 'PARQUET';
      readonly options?: Readonly<Record<string, unknown>>;
    },
    write: 'append' | 'replace',
    jobId: string,
  ): Promise<number>;
  check(): Promise<void>;
  close(): Promise<void>;
}

/** The warehouse refused: wrong SQL, missing table, no permission. Thrown when doing the same again would be refused again. */
export class WarehouseError extends Error {
  override readonly name = 'WarehouseError';
  /** BigQuery's: invalidQuery, notFound, accessDenied, quotaExceeded, responseTooLarge... */
  readonly reason: string;
  readonly location: string | undefined;
  constructor(reason: string, message: string, extra: { readonly location?: string | undefined; readonly cause?: unknown } = {}) {
    super(message, { cause: extra.cause });
    this.reason = reason;
    this.location = extra.location;
  }
}
