/** What one query or script carries from statement to statement: variables, temporary tables and functions, an open transaction. */
import type { DuckDBValue } from '@duckdb/node-api';
import type { SqlType } from '../../googlesql/contract.ts';
import type { Caller } from '../../identity/index.ts';
import type { RoutineRecord, TableRecord } from '../catalog/catalog.ts';
import type { Connection } from '../storage/connection.ts';
import type { Parameter } from '../values/parameters.ts';
import type { Transaction } from './mutations.ts';

export interface Variable {
  readonly type: SqlType;
  value: DuckDBValue;
}
export interface OpenTransaction {
  readonly connection: Connection;
  readonly mutation: Transaction;
  /** Tables written to, by id: their data versions move at the commit. */
  readonly written: Set<number>;
  /** What to do after the commit for physical tables that were made inside. */
  readonly created: (() => void)[];
  /** Lets tables take over each other's rows again, which its snapshot would not see. */
  readonly ended: () => void;
  /** CURRENT_TIMESTAMP() stands still. */
  readonly now: bigint;
}

export class Session {
  readonly caller: Caller;
  readonly project: string;
  readonly defaultDataset: { readonly project: string; readonly dataset: string } | undefined;
  readonly parameters: readonly Parameter[];
  readonly positional: boolean;
  readonly variables = new Map<string, Variable>();
  readonly tempTables = new Map<string, TableRecord>();
  readonly tempRoutines = new Map<string, RoutineRecord>();
  readonly aborted: AbortSignal;
  transaction: OpenTransaction | undefined;
  /** Changes when what is temporary changes, so that compiled statements are not reused wrongly. */
  temporaryVersion = 0;
  /** The statement that runs now writes so much that every core shall take part, and its rows may lie in any order. */
  inAnyOrder = false;
  rowCount = 0n;

  constructor(options: {
    caller: Caller;
    project: string;
    defaultDataset?: { project: string; dataset: string } | undefined;
    parameters: readonly Parameter[];
    positional: boolean;
    aborted: AbortSignal;
  }) {
    this.caller = options.caller;
    this.project = options.project;
    this.defaultDataset = options.defaultDataset;
    this.parameters = options.parameters;
    this.positional = options.positional;
    this.aborted = options.aborted;
  }
}
