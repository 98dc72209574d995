/** One event as it lies in a journal table. Sequence numbers grow for ever, across epochs and streams. */
export interface JournalRow {
  readonly sequence: number;
  readonly epoch: number;
  readonly at: string;
  /** What the event is about, for readers of the table: a tenant, a schedule. */
  readonly subject: string;
  readonly type: string;
  /** JSON. */
  readonly data: string;
  /** Who caused it, JSON; for the audit trail. */
  readonly actor: string | null;
  readonly trace_id: string | null;
}

export type AppendOutcome = 'appended' | 'already' | 'out_of_range' | 'fenced';

/**
 * An append-only table with one stream a writer (Storage Write, committed).
 *
 * 1. `append` resolves when the rows are durable. 2. An append at an offset that was taken answers `already`, one beyond the
 * end `out_of_range`, one to a finalized stream `fenced`. 3. After `finalize` no append of anybody succeeds.
 */
export interface JournalStore {
  createStream(): Promise<string>;
  append(stream: string, offset: number, rows: readonly JournalRow[]): Promise<AppendOutcome>;
  /**
   * Number of rows in the stream at its end. Finalizing twice is fine; so is a stream that never was written. Undefined: the stream is
   * gone, as those are that nobody wrote for days; nobody can append to it either.
   */
  finalize(stream: string): Promise<number | undefined>;
  /** Rows after that sequence, in order. */
  read(afterSequence: number, range?: JournalRange): AsyncIterable<readonly JournalRow[]>;
  close(): Promise<void>;
}
/** `since` (no row wanted is older) and `through` spare reading. */
export interface JournalRange {
  readonly since?: string | undefined;
  readonly through?: number | undefined;
  /** Rows of that type come with empty data. */
  readonly withoutDataOf?: string;
  /** Rows of hundreds of kilobytes are expected: few are read at a time. */
  readonly large?: boolean;
}
