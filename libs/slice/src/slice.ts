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
  /** Unique to this process, not to the service. */
  readonly instance: string;
  readonly checkpointSeconds: number;
  readonly refreshSeconds: number;
  readonly log: SliceLog;
  /** For how long a statement of a deposed owner may still be under way (default 120). */
  readonly holdSeconds?: number;
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
  /** One after the other, in one batch; a refusal of one does not stop the next. Throws Transient. */
  executeMany(commands: readonly C[], meta?: CommandMeta): Promise<readonly Outcome[]>;
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
