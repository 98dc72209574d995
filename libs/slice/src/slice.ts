/**
 * A slice is a part of the state that exactly one process owns. It lives in that process's memory; the warehouse is its disk. This
 * library knows how to own, remember, hand over and show a state. It must not know what the state is about.
 *
 * A command is decided at once, on the state in memory, by a pure function; its events are applied at once and written to the
 * journal together with those of all commands that came meanwhile. The caller hears its answer when the journal has acknowledged.
 * Every few seconds the rows that changed are written to the tables that people query: first as redo rows into the journal, then the
 * position into `slice_owners`, then by one MERGE a table. A process that starts takes the slice over: it raises the epoch, finalizes
 * the predecessor's stream, loads tables and redo rows, replays the journal from there, opens a stream of its own, and serves.
 *
 *  1. What was answered is durable: an event is in the journal before anybody hears of it, as an answer or as a message.
 *  2. Every answer to a command, a refusal too, and all that `read` gives rests on durable events alone; who looks at `state` may see
 *     what is under way.
 *  3. A command's events are durable all or none, once.
 *  4. A caller that hears Transient knows nothing: its command happened or did not. It asks again; commands that must not happen
 *     twice carry an identity that `decide` looks at.
 *  5. Sequences grow by one, without a gap, across processes; times never run backwards.
 *  6. Of all processes at most one can make events durable. The newest wins; the others notice at their next append, checkpoint or
 *     refresh, answer Transient(owner.changing), drop their state and are told to exit.
 *  7. State after a recovery = state before it, wherever the predecessor stopped: between any two statements of a checkpoint too.
 *  8. Tables only move forward, and a deposed owner's late statement changes nothing that a newer one wrote.
 *  9. Every message of every durable event is published at least once, first time in the order of events.
 * 10. An edit that somebody makes by hand in an adoptable table becomes commands within the refresh interval, or is undone. It counts for
 *     the columns that it changed, whatever the owner did to the row meanwhile, and is never written over before it was looked at. (A value
 *     that the owner itself wrote last is no edit, whatever it was in between.)
 * 11. When the journal does not answer, commands fail at once; memory does not grow with the outage.
 * 12. The number of statements does not grow with the load.
 *
 * The simulation (simulation/run.ts) lives thousands of lives with crashes at every point of POINTS, several owners at once, lost,
 * late and doubled calls, and edits by hand, and compares 1-10 with a model. `SEED=17 npm test -- libs/slice` runs one life again.
 */
import type { Refusal } from '@convergence/contracts';
import type { Bus, CheckpointTables, Clock, JournalStore, OwnerStore } from '@convergence/ports';
import type { SliceDefinition } from './definition.ts';

export interface CommandMeta {
  /** Who asks, as JSON-able value: lands in the journal. */
  readonly actor?: unknown;
  readonly traceId?: string | undefined;
}
export type Outcome = { readonly reply: unknown } | { readonly refusal: Refusal };

export interface SliceLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SliceOptions<S, C, E extends { readonly type: string }> {
  readonly definition: SliceDefinition<S, C, E>;
  readonly journal: JournalStore;
  readonly owners: OwnerStore;
  readonly tables: CheckpointTables;
  readonly bus: Pick<Bus, 'publish'>;
  readonly clock: Clock;
  /** Names the process in slice_owners; need not be unique. */
  readonly instance: string;
  readonly checkpointSeconds: number;
  readonly refreshSeconds: number;
  readonly log: SliceLog;
  /** For how long a statement of a deposed owner may still be under way (default 120). */
  readonly holdSeconds?: number;
  /** Events with messages that a take-over keeps in memory; what is beyond is read again while it is published. */
  readonly keptMessages?: number;
  /** Called when a take-over finds much to take in. */
  readonly onMuch?: () => void;
  /** Rows that a checkpoint makes before it lets commands go on. */
  readonly rowsAtOnce?: number;
  /** Source of `DecideContext.random`; tests give their own. */
  readonly random?: () => string;
  /** Called at every named point: tests crash there. */
  readonly at?: (point: Point) => void | Promise<void>;
}

export const POINTS = [
  'taken-over',
  'finalized',
  'loaded',
  'replayed',
  'stream-created',
  'stream-recorded',
  'append-sent',
  'append-acknowledged',
  'published',
  'redo-written',
  'checkpoint-recorded',
  'table-merged',
  'checkpoint-done',
  'settled',
  'purged',
] as const;
export type Point = (typeof POINTS)[number];

export interface SliceFigures {
  readonly sequence: number;
  readonly durable: number;
  readonly published: number;
  readonly checkpoint: number;
  readonly epoch: number;
  readonly dirty: number;
  /** Commands decided and not yet answered. */
  readonly waiting: number;
}

export interface Slice<S, C> {
  /** Decides at once, answers when all that the decision rests on is durable. Throws the Refusal, or Transient. */
  execute<R = unknown>(command: C, meta?: CommandMeta): Promise<R>;
  /** One after the other, in one batch; a refusal of one does not stop the next. One meta for all, or for each by its index. Throws Transient. */
  executeMany(commands: readonly C[], meta?: CommandMeta | ((index: number) => CommandMeta)): Promise<readonly Outcome[]>;
  /** For looking, never for changing. What is seen may not be durable yet; `read` waits until it is. */
  readonly state: S;
  read<T>(look: (state: S) => T): Promise<T>;
  /** False while the journal does not answer, or the owner is another. */
  readonly ready: boolean;
  readonly figures: SliceFigures;
  /** Called once, when this instance has lost the slice and must exit. */
  onFenced(listener: (reason: string) => void): void;
  /** Checkpoints now. */
  checkpoint(): Promise<void>;
  /** Looks for edits from outside now; how many rows differed. */
  refresh(): Promise<number>;
  /** Takes no more commands, answers those in hand, publishes, writes a last checkpoint, lets go of the slice. */
  close(): Promise<void>;
}
