/** The row of `slice_owners` that says who may write a slice, and from where a successor goes on. */
export interface OwnerRow {
  readonly slice: string;
  readonly owner: string | null;
  /** Grows by one with every take-over. */
  readonly epoch: number;
  /** The last journal stream that anybody of this slice may have appended to. */
  readonly stream: string | null;
  /** The stream's row at offset 0 has the sequence after this one. */
  readonly streamStart: number;
  /** State at this sequence = the tables, overlaid by the redo rows. */
  readonly checkpoint: number;
  /** No journal row after the checkpoint is older than this. */
  readonly checkpointAt: string | null;
  /** Sequences of the redo rows in the journal, both inclusive; first > last when there are none. */
  readonly redoFirst: number;
  readonly redoLast: number;
  /** Every message of every event up to here was published. */
  readonly published: number;
  readonly publishedAt: string | null;
  /** The owner left in peace: nothing of it is still under way. */
  readonly released: boolean;
}

export type OwnerChange = Partial<
  Pick<
    OwnerRow,
    'stream' | 'streamStart' | 'checkpoint' | 'checkpointAt' | 'redoFirst' | 'redoLast' | 'published' | 'publishedAt' | 'released'
  >
>;

/**
 * 1. `takeOver` is a compare-and-set on the epoch: of several callers with one epoch exactly one hears true.
 * 2. `record` changes the row only while that epoch is the newest; false means that it is gone, for ever.
 * 3. `record` never moves checkpoint or published backwards: one that comes late is no change, and true.
 * 4. A lost answer is resolved inside: neither says false about its own change.
 */
export interface OwnerStore {
  /** Undefined when the slice was never provisioned. */
  read(slice: string): Promise<OwnerRow | undefined>;
  takeOver(slice: string, fromEpoch: number, owner: string): Promise<boolean>;
  record(slice: string, epoch: number, owner: string, change: OwnerChange): Promise<boolean>;
}
