import type { Refusal } from '@convergence/contracts';
import type { CheckpointTable, OutgoingMessage, Row, TableRow, TableSpec } from '@convergence/ports';

/** What decides may look at besides the state; so that the same command on the same state decides the same. */
export interface DecideContext {
  /** Milliseconds since 1970; never runs backwards within a slice. */
  readonly now: number;
  /** A fresh UUID. */
  random(): string;
}

/** Events happen all or none; `reply` is what the caller hears once they are durable. */
export type Decision<E> = { readonly events: readonly E[]; readonly reply: unknown } | { readonly refusal: Refusal };

export interface EventMeta {
  readonly sequence: number;
  /** RFC 3339. */
  readonly at: string;
  /** Who caused it; JSON text, as in the journal. */
  readonly actor: string | null;
  readonly traceId: string | null;
}

/**
 * A slice described: what it decides, how its state follows from its events, which tables show it.
 *
 * 1. `decide` is pure and synchronous and never changes the state. 2. `apply` changes the state by the event and `meta` alone and
 * never refuses: what happened has happened. 3. Events are JSON: what `apply` gets has been written and read back.
 * 4. All that must outlive the process is in the rows of `tables`; whatever else `apply` remembers is gone after a recovery.
 */
export interface SliceDefinition<S, C, E extends { readonly type: string }> {
  /** Row in slice_owners. */
  readonly name: string;
  initial(): S;
  decide(state: S, command: C, context: DecideContext): Decision<E>;
  apply(state: S, event: E, meta: EventMeta): void;
  /** What the event is about, for readers of the journal: a tenant, a schedule. */
  subject(event: E): string;
  /** What to publish once the event is durable: at least once, in order. Pure: asked again after a crash. */
  outbox(event: E, meta: EventMeta): readonly OutgoingMessage[];
  readonly tables: readonly TableProjection<S, C, E>[];
}

/**
 * One table that shows the state.
 *
 * 1. `row` depends on the state alone, and two states with the same events give the same row. 2. The value of a partition
 * column never changes for a key. 3. An event never touches a key that was forgotten.
 */
export interface TableProjection<S, C, E> {
  readonly table: TableSpec;
  /** Columns of the primary key, all STRING (or DATE, as text). */
  readonly key: readonly string[];
  /** Keys, by `tableKey`, of the rows that the event may change. Asked before the event is applied. */
  touches(event: E, state: S): readonly string[];
  /** Undefined: the row is gone, a table row of that key is removed. Null: leave the table's row as it is. */
  row(state: S, key: string): TableRow | undefined | null;
  /** Recovery, called once a page of rows, tables in the order of the definition. */
  load(state: S, rows: readonly Row[]): void;
  /** Which rows recovery needs; a condition in GoogleSQL over this table. Absent: all. */
  readonly loadWhere?: string;
  /**
   * Somebody else changed or inserted this row: commands that take the change over. Columns that nobody touched hold what the state holds
   * now; `was` is the row as it was written last, undefined for one that was inserted. Where no command comes, or one is refused, the
   * owner's row is written back. Absent: the table is not looked at.
   */
  adopt?(state: S, row: Row, was: Row | undefined): readonly C[];
  /** Of a table that is looked at: the keys are those of all its rows, so that one that somebody else deleted is missed and comes back. */
  all?(state: S): ReadonlyMap<string, unknown>;
  /** What it means that somebody deleted the row, besides that it comes back. */
  deleted?(state: S, key: string): readonly C[];
  /** Rows that stay in the table but leave the memory once they are written. */
  readonly history?: {
    /** Asked of every row that was written. */
    closed(state: S, key: string): boolean;
    forget(state: S, key: string): void;
  };
}

export const storedAs = <S, C, E>({ table, key, adopt }: TableProjection<S, C, E>): CheckpointTable => ({
  spec: table,
  key,
  watched: adopt !== undefined,
});

/** The text that stands for a row's key: the values of its key columns. */
export const tableKey = (...parts: readonly string[]): string => parts.join('\u001f');
export const keyParts = (key: string): readonly string[] => key.split('\u001f');
