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
  /** `content` of somebody else's edit that was looked at, and may be replaced. */
  readonly over?: string | undefined;
}
export interface StoredRow {
  readonly row: Readonly<Record<string, unknown>>;
  /** Null: somebody else inserted it. */
  readonly sequence: number | null;
  readonly deleted: boolean;
  /** In watched tables: the row as its owner wrote it last, when somebody else changed it since. */
  readonly was?: Readonly<Record<string, unknown>> | undefined;
}
export interface EditedRow extends StoredRow {
  /** Stands for all that the row holds. */
  readonly content: string;
}
export interface CheckpointTable {
  readonly spec: TableSpec;
  readonly key: readonly string[];
  /** People edit it, and its owner looks at what they did. */
  readonly watched: boolean;
}

export interface MergeOptions {
  /** `remove`: dead rows leave at once. `mark`: they stay, with x_deleted, until purged; one that never was there comes as marked. */
  readonly dead: 'remove' | 'mark';
  readonly guard: { readonly slice: string; readonly epoch: number };
  /** Names the batch, for safe resends. */
  readonly id: string;
}

/**
 * The tables that a slice checkpoints into. Besides its own columns each has `x_sequence`, `x_deleted` and `x_written`.
 *
 * 1. `merge` moves a row forward only: one whose x_sequence is larger stays as it is. Doing it twice changes nothing.
 * 2. A `merge` that starts when the guard's epoch is no longer the newest changes nothing.
 * 3. `edited` finds rows whose content is not what `merge` wrote last. 4. In a watched table `merge` leaves such rows as they are, unless
 * `over` names their content; it answers how many it left.
 */
export interface CheckpointTables {
  /** The rows are gone through once, and may be made as they are asked for. */
  merge(table: CheckpointTable, rows: Iterable<CheckpointRow>, options: MergeOptions): Promise<number>;
  /** Live rows that fit, and all marked ones; `where` is a condition in GoogleSQL over the table's columns. */
  load(table: CheckpointTable, where?: string): AsyncIterable<readonly StoredRow[]>;
  edited(table: CheckpointTable, where?: string): Promise<readonly EditedRow[]>;
  /** Of the rows that `merge` wrote, under the key that they have, and that are not marked. */
  count(table: CheckpointTable): Promise<number>;
  /** Key columns of the rows that are not marked, whoever wrote them; not of one that was renamed. */
  keys(table: CheckpointTable): AsyncIterable<readonly Readonly<Record<string, unknown>>[]>;
  /** Removes marked rows up to that sequence. */
  purge(table: CheckpointTable, throughSequence: number): Promise<void>;
}
