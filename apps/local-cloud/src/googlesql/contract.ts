/**
 * What the SQL side (this folder) and the storage side (../bigquery) promise each other.
 *
 * This folder is pure: text and a catalog in, DuckDB SQL with types out. It never opens a connection, keeps no
 * state between calls, and knows no HTTP.
 * ../bigquery owns the catalog, the DuckDB connections, jobs, transactions, conflicts and the wire encoding of rows.
 *
 * 1. A construct that is not supported is refused (GoogleSqlError `unsupported`), never approximated in silence.
 * 2. Every column of a compiled query has a GoogleSQL type; its DuckDB value has exactly `physicalType(type)`.
 * 3. Values never enter DuckDB SQL as text: parameters are bound (`$p1`...), in the order of `binds`.
 */
export type SqlType =
  | {
      readonly kind:
        | 'INT64'
        | 'FLOAT64'
        | 'NUMERIC'
        | 'BIGNUMERIC'
        | 'BOOL'
        | 'STRING'
        | 'BYTES'
        | 'DATE'
        | 'TIME'
        | 'DATETIME'
        | 'TIMESTAMP'
        | 'JSON'
        | 'INTERVAL'
        | 'GEOGRAPHY';
    }
  | { readonly kind: 'ARRAY'; readonly element: SqlType }
  | { readonly kind: 'RANGE'; readonly element: SqlType }
  | { readonly kind: 'STRUCT'; readonly fields: readonly StructField[] };
export interface StructField {
  readonly name: string;
  readonly type: SqlType;
}

/** A column as the catalog keeps it: the type plus what BigQuery's table schema says besides. */
export interface Column {
  readonly name: string;
  readonly type: SqlType;
  readonly required?: boolean;
  readonly description?: string;
  readonly defaultSql?: string;
  /** STRING(10), NUMERIC(10,2): checked on write. */
  readonly maxLength?: number;
  readonly precision?: number;
  readonly scale?: number;
}

export interface TablePath {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
}

export interface Partitioning {
  /** A column, or `_PARTITIONTIME` for ingestion time. */
  readonly column: string;
  readonly granularity: 'HOUR' | 'DAY' | 'MONTH' | 'YEAR' | 'RANGE';
  readonly range?: { readonly start: bigint; readonly end: bigint; readonly interval: bigint };
}

export interface CatalogTable {
  readonly path: TablePath;
  readonly kind: 'TABLE' | 'VIEW';
  readonly columns: readonly Column[];
  /** The quoted DuckDB name to write to, e.g. `"s12"."t34"`. Absent for a view. */
  readonly physical?: string;
  /** What to read from if that is not `physical`: a name or a query in parentheses. */
  readonly rows?: string;
  /** GoogleSQL text of a view, compiled in place where it is used. */
  readonly viewSql?: string;
  readonly partitioning?: Partitioning;
  readonly clustering?: readonly string[];
  /** Row filters that apply to the caller (already chosen by identity), GoogleSQL boolean expressions; any may hold. undefined: no policies. */
  readonly rowFilters?: readonly string[];
  readonly temporary?: boolean;
}

export interface CatalogRoutine {
  readonly path: { readonly project: string; readonly dataset: string; readonly routine: string };
  readonly args: readonly { readonly name: string; readonly type: SqlType | 'ANY TYPE' }[];
  readonly returns?: SqlType;
  readonly bodySql: string;
  readonly kind: 'SCALAR' | 'TABLE';
}

/** A read-only view of the metadata, fixed for the length of one compilation. Names arrive resolved to three parts. */
export interface Catalog {
  readonly defaultProject: string;
  readonly defaultDataset?: string;
  table(path: TablePath): CatalogTable | undefined;
  /** For wildcard tables: every table of the dataset whose name starts with the prefix, newest last. */
  tablesWithPrefix(project: string, dataset: string, prefix: string): readonly CatalogTable[];
  datasetExists(project: string, dataset: string): boolean;
  routine(project: string, dataset: string, name: string): CatalogRoutine | undefined;
  /** INFORMATION_SCHEMA views (`TABLES`, `COLUMNS`, `JOBS`...): the storage side materialises them; scope is dataset, region or project. */
  informationSchema(
    view: string,
    scope: { readonly project: string; readonly dataset?: string; readonly region?: string },
  ): CatalogTable | undefined;
  /** Names to suggest when something was not found. */
  names(kind: 'dataset' | 'table', project: string, dataset?: string): readonly string[];
}

export interface QueryParameter {
  readonly name?: string;
  readonly type: SqlType;
}

/** What to bind, in the order of `$1, $2, ...`: a query parameter, a script variable or a value of the moment. */
export type Bind =
  | { readonly from: 'parameter'; readonly name?: string; readonly index?: number; readonly type: SqlType }
  | { readonly from: 'variable'; readonly name: string; readonly type: SqlType }
  | { readonly from: 'context'; readonly name: 'now' | 'session_user' | 'project'; readonly type: SqlType };

export interface DuckSql {
  readonly text: string;
  readonly binds: readonly Bind[];
}

export interface CompiledQuery {
  readonly kind: 'query';
  readonly sql: DuckSql;
  readonly columns: readonly Column[];
  /** Tables read, and partitioned ones changed, for permissions, statistics and byte estimates (columns read when known). */
  readonly reads: readonly {
    readonly path: TablePath;
    readonly columns?: readonly string[];
    /** Counts the rows of the partitions that filters leave; absent when they leave all, or the table has none. */
    readonly kept?: DuckSql;
    /** Of a partitioned table that is read at least once without a filter on its partition column. */
    readonly unfiltered?: true;
  }[];
  /** True when no function of the moment or of chance is used: the result may be cached. */
  readonly deterministic: boolean;
  /** Ordered by the outermost query: paging must keep the order. */
  readonly ordered: boolean;
}

/** Asserted before the statement runs, in the same snapshot: the first row returned, if any, is the error. */
export interface Precheck {
  readonly sql: DuckSql;
  readonly message: string;
}

export interface CompiledDml {
  readonly kind: 'insert' | 'update' | 'delete' | 'merge' | 'truncate';
  readonly target: CatalogTable;
  /**
   * Run in order in one DuckDB transaction. Counts of changed rows are read from each; of one with the effect `partitions`, what
   * the field of that name would answer.
   */
  readonly statements: readonly { readonly effect: 'inserted' | 'updated' | 'deleted' | 'partitions' | 'none'; readonly sql: DuckSql }[];
  readonly prechecks: readonly Precheck[];
  /** Distinct partition ids (as INFORMATION_SCHEMA.PARTITIONS names them) whose rows would change, one VARCHAR column; absent here
   *  and among the statements: the whole table. */
  readonly partitions?: DuckSql;
  /** A MERGE or UPDATE that turned out to insert only conflicts with nothing: true when it can never change an existing row. */
  readonly insertsOnly: boolean;
  /**
   * All that the statement does is to put the rows of `source`, whole and as they are, in the place of those that `going` counts in a
   * physical table of the target, and `removing` deletes.
   */
  readonly exchange?: {
    readonly source: CatalogTable;
    readonly going: (physical: string) => DuckSql;
    readonly removing: (physical: string) => DuckSql;
  };
  readonly reads: CompiledQuery['reads'];
}

export interface TableOptions {
  readonly [name: string]: unknown;
}
export type Ddl =
  | {
      readonly op: 'createSchema';
      readonly project: string;
      readonly dataset: string;
      readonly ifNotExists: boolean;
      readonly options: TableOptions;
    }
  | {
      readonly op: 'alterSchema';
      readonly project: string;
      readonly dataset: string;
      readonly ifExists: boolean;
      readonly options: TableOptions;
    }
  | { readonly op: 'dropSchema'; readonly project: string; readonly dataset: string; readonly ifExists: boolean; readonly cascade: boolean }
  | {
      readonly op: 'createTable';
      readonly path: TablePath;
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      readonly temporary: boolean;
      readonly columns?: readonly Column[];
      readonly partitioning?: Partitioning;
      readonly clustering?: readonly string[];
      readonly options: TableOptions;
      readonly primaryKey?: readonly string[];
      readonly asSelect?: CompiledQuery;
      readonly like?: TablePath;
      readonly clone?: TablePath;
      readonly copy?: TablePath;
    }
  | { readonly op: 'alterTable'; readonly path: TablePath; readonly ifExists: boolean; readonly actions: readonly AlterAction[] }
  | { readonly op: 'dropTable' | 'dropView'; readonly path: TablePath; readonly ifExists: boolean }
  | {
      readonly op: 'createView';
      readonly path: TablePath;
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      readonly sql: string;
      readonly columns: readonly Column[];
      readonly options: TableOptions;
    }
  | { readonly op: 'alterView'; readonly path: TablePath; readonly ifExists: boolean; readonly options: TableOptions }
  | {
      readonly op: 'createFunction';
      readonly routine: CatalogRoutine;
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      readonly temporary: boolean;
    }
  | {
      readonly op: 'dropFunction';
      readonly project: string;
      readonly dataset: string;
      readonly routine: string;
      readonly ifExists: boolean;
    }
  | {
      readonly op: 'createRowAccessPolicy';
      readonly path: TablePath;
      readonly name: string;
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      readonly grantees: readonly string[];
      readonly filter: string;
    }
  | { readonly op: 'dropRowAccessPolicy'; readonly path: TablePath; readonly name: string | 'ALL'; readonly ifExists: boolean };
export type AlterAction =
  | { readonly action: 'addColumn'; readonly column: Column; readonly ifNotExists: boolean }
  | { readonly action: 'dropColumn'; readonly name: string; readonly ifExists: boolean }
  | { readonly action: 'renameColumn'; readonly from: string; readonly to: string; readonly ifExists: boolean }
  | {
      readonly action: 'setDataType';
      readonly name: string;
      readonly type: SqlType;
      readonly limits: Pick<Column, 'maxLength' | 'precision' | 'scale'>;
    }
  | { readonly action: 'dropNotNull'; readonly name: string }
  | { readonly action: 'setColumnOptions'; readonly name: string; readonly options: TableOptions }
  | { readonly action: 'setDefault'; readonly name: string; readonly sql: string | undefined }
  | { readonly action: 'setOptions'; readonly options: TableOptions }
  | { readonly action: 'renameTo'; readonly table: string };

export type Compiled = CompiledQuery | CompiledDml | { readonly kind: 'ddl'; readonly ddl: Ddl; readonly reads: CompiledQuery['reads'] };

/** A statement of a script is compiled when it is reached: tables and variables before it exist only then. */
export type ScriptNode =
  | { readonly node: 'statement'; readonly text: string; readonly at: Position }
  | {
      readonly node: 'declare';
      readonly names: readonly string[];
      readonly type?: SqlType;
      readonly defaultSql?: string;
      readonly at: Position;
    }
  | { readonly node: 'set'; readonly names: readonly string[]; readonly sql: string; readonly at: Position }
  | {
      readonly node: 'if';
      readonly branches: readonly { readonly condition: string; readonly body: readonly ScriptNode[] }[];
      readonly otherwise: readonly ScriptNode[];
      readonly at: Position;
    }
  | { readonly node: 'loop'; readonly label?: string; readonly body: readonly ScriptNode[]; readonly at: Position }
  | {
      readonly node: 'while';
      readonly label?: string;
      readonly condition: string;
      readonly body: readonly ScriptNode[];
      readonly at: Position;
    }
  | {
      readonly node: 'repeat';
      readonly label?: string;
      readonly until: string;
      readonly body: readonly ScriptNode[];
      readonly at: Position;
    }
  | {
      readonly node: 'for';
      readonly label?: string;
      readonly variable: string;
      readonly query: string;
      readonly body: readonly ScriptNode[];
      readonly at: Position;
    }
  | { readonly node: 'break' | 'continue'; readonly label?: string; readonly at: Position }
  | { readonly node: 'return'; readonly at: Position }
  | { readonly node: 'raise'; readonly messageSql?: string; readonly at: Position }
  | {
      readonly node: 'block';
      readonly label?: string;
      readonly body: readonly ScriptNode[];
      readonly handler?: readonly ScriptNode[];
      readonly at: Position;
    }
  | { readonly node: 'transaction'; readonly verb: 'begin' | 'commit' | 'rollback'; readonly at: Position }
  | {
      readonly node: 'executeImmediate';
      readonly sql: string;
      readonly into: readonly string[];
      readonly using: readonly { readonly sql: string; readonly name?: string }[];
      readonly at: Position;
    }
  | { readonly node: 'assert'; readonly condition: string; readonly description?: string; readonly at: Position };
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface CompileContext {
  readonly catalog: Catalog;
  readonly parameters: readonly QueryParameter[];
  readonly positional: boolean;
  /** Script variables in scope, by lower-case name; `@@row_count`-like system variables come by their own names. */
  readonly variables: ReadonlyMap<string, SqlType>;
  /** Line and column of the statement's first character in the text the user sent. */
  readonly at?: Position;
}

/** The error of everything in this folder. `reason` is BigQuery's. The message ends in ` at [line:column]` when a place is known. */
export class GoogleSqlError extends Error {
  override readonly name = 'GoogleSqlError';
  readonly reason: 'invalidQuery' | 'notFound' | 'invalid' | 'unsupported';
  readonly at: Position | undefined;
  constructor(reason: GoogleSqlError['reason'], message: string, at?: Position) {
    super(at ? `${message} at [${at.line}:${at.column}]` : message);
    this.reason = reason;
    this.at = at;
  }
}

/**
 * Offered by ./index.ts:
 *   parseScript(sql: string): readonly ScriptNode[]           one `statement` node when the text is a single statement
 *   compile(sql: string, context: CompileContext): Compiled   one statement
 *   compileExpression(sql: string, context): CompiledQuery    a scalar expression as a one-row query (SET, IF, DECLARE DEFAULT)
 *   physicalType(type: SqlType): string                       DuckDB type text
 *   prelude: readonly string[]                                DuckDB statements run once per database (macros); idempotent
 *   registerFunctions(connection): void                       scalar functions written in TypeScript, if any, once per connection
 *   parseType(text: string): SqlType                          `ARRAY<STRUCT<a INT64>>` from DDL or REST
 *   formatType(type: SqlType): string
 *   translateDuckError(error: Error): GoogleSqlError | undefined   DuckDB's run-time messages in BigQuery's words (overflow, division by zero, bad cast...)
 */
