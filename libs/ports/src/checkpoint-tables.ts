import type { SqlValue, TableSpec } from './warehouse.ts';

/** A row as its owner writes it: column to value. */
export type TableRow = Readonly<Record<string, SqlValue>>;

/** One changed row of a checkpoint. */
export interface CheckpointRow {
  /** Values of the key columns. */
  readonly key: Readonly<Record<string, string>>;
  /** Sequence of the row's last change. */
  readonly sequence: number;
  /** Null: the row is gone. */
  readonly row: TableRow | null;
  /** Value of the partition column, when it is known; unchanging for a key. */
  readonly partition?: string | undefined;
}
export interface StoredRow {
  readonly row: Readonly<Record<string, unknown>>;
  /** Null: somebody else inserted it. */
  readonly sequence: number | null;
  readonly deleted: boolean;
}
export interface CheckpointTable {
  readonly spec: TableSpec;
  readonly key: readonly string[];
}

export interface MergeOptions {
  /** `remove`: dead rows leave at once. `mark`: they stay, with x_deleted, until purged; one that never was there comes as marked. */
  readonly dead: 'remove' | 'mark';
  readonly guard: { readonly slice: string; readonly epoch: number };
  /** Names the batch, for safe resends. */
  readonly id: string;
}

/**
 * The tables that a slice checkpoints into. Besides its own columns each has `x_sequence`, `x_deleted` and `x_digest`.
 *
 * 1. `merge` moves a row forward only: one whose x_sequence is larger stays as it is. Doing it twice changes nothing.
 * 2. A `merge` that starts when the guard's epoch is no longer the newest changes nothing.
 * 3. `edited` finds rows whose content is not what `merge` wrote last.
 */
export interface CheckpointTables {
  merge(table: CheckpointTable, rows: readonly CheckpointRow[], options: MergeOptions): Promise<void>;
  /** Live rows that fit, and all marked ones; `where` is a condition in GoogleSQL over the table's columns. */
  load(table: CheckpointTable, where?: string): AsyncIterable<readonly StoredRow[]>;
  edited(table: CheckpointTable, where?: string): Promise<readonly StoredRow[]>;
  /** Removes marked rows up to that sequence. */
  purge(table: CheckpointTable, throughSequence: number): Promise<void>;
}
