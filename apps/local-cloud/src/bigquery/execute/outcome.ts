/** What a statement is asked for beside its text, and what comes of it. */
import type { CompiledQuery, TablePath } from '../../googlesql/contract.ts';
import type { ResultSet } from '../jobs/results.ts';
import type { Connection } from '../storage/connection.ts';

export interface DmlCounts {
  inserted: number;
  updated: number;
  deleted: number;
}
export interface DdlEffect {
  readonly operation: 'CREATE' | 'SKIP' | 'REPLACE' | 'ALTER' | 'DROP' | 'CREATE_IF_NOT_EXISTS';
  readonly table?: TablePath;
  readonly dataset?: { readonly project: string; readonly dataset: string };
  readonly routine?: { readonly project: string; readonly dataset: string; readonly routine: string };
}
export interface StatementResult {
  readonly statementType: string;
  readonly result?: ResultSet;
  readonly dml?: DmlCounts;
  readonly ddl?: DdlEffect;
  readonly target?: TablePath;
  readonly bytesProcessed: number;
  readonly bytesBilled: number;
  readonly cacheHit: boolean;
  readonly referenced: readonly TablePath[];
}
export interface RunOptions {
  /** Inside the transaction that makes the effect durable, just before its commit. */
  readonly beforeCommit?: (connection: Connection, counts: DmlCounts) => Promise<void>;
  readonly maximumBytesBilled?: number;
  readonly useCache?: boolean;
  /** SELECT into a table: where the rows go instead of a result. `insert` adds them to a physical table and the columns named there. */
  readonly into?: (
    query: CompiledQuery,
    insert: (connection: Connection, physicalColumns: string) => Promise<void>,
  ) => Promise<StatementResult['result']>;
}
export type DdlOutcome = Pick<StatementResult, 'statementType' | 'ddl'>;
