/**
 * Group commit: what is written while one append is under way goes out together as the next one. No fixed delay at low load,
 * large batches at high load.
 *
 * It knows rows and offsets, not what they mean.
 *
 * 1. Rows become durable in the order of their sequence; a group never is split between two appends.
 * 2. One append at a time, and the same rows at the same offset again until its outcome is known: so a lost answer is never a lost
 *    or doubled row.
 * 3. After `fenced`, or an answer that makes no sense, nothing is appended any more and every waiter hears so.
 * 4. While an append fails the writer is `stalled`; who waited too long hears Transient, although the rows may still become durable.
 */
import { Transient } from '@convergence/contracts';
import { type Clock, type JournalRow, type JournalStore, WarehouseError } from '@convergence/ports';

export interface JournalWriterOptions {
  readonly store: Pick<JournalStore, 'append'>;
  readonly stream: string;
  /** Sequence before the stream's first row. */
  readonly streamStart: number;
  readonly clock: Clock;
  readonly maxRows?: number;
  readonly maxBytes?: number;
  readonly answerWithinMilliseconds?: number;
  onDurable(sequence: number): void;
  onDead(reason: string, cause?: unknown): void;
  onStall?(cause: unknown): void;
  readonly at?: ((point: 'append-sent' | 'append-acknowledged') => void | Promise<void>) | undefined;
}

export interface JournalWriter {
  /** A group: durable all or none. Sequences go on without a gap from the last group's. */
  write(rows: readonly JournalRow[]): void;
  /** Resolves when that sequence is durable. */
  whenDurable(sequence: number): Promise<void>;
  readonly durable: number;
  readonly stalled: boolean;
  readonly waiting: number;
  /** Nothing is sent any more; waiters hear Transient(owner.changing). */
  kill(reason: string): void;
}

interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}
/** What a row costs besides its data, about. */
const OVERHEAD = 120;

export function journalWriter(options: JournalWriterOptions): JournalWriter {
  const { store, stream, streamStart, clock, maxRows = 5_000, maxBytes = 4_000_000, answerWithinMilliseconds = 6_000 } = options;
  const groups: (readonly JournalRow[])[] = [];
  let waiters: Waiter[] = [];
  let durable = streamStart;
  let stalledSince: number | undefined;
  let dead: string | undefined;
  let pumping = false;

  const gone = () => new Transient('This instance no longer owns the state; another one does.', { code: 'owner.changing' });

  function die(reason: string, cause?: unknown): void {
    if (dead !== undefined) return;
    dead = reason;
    groups.length = 0;
    rejectAll(gone);
    options.onDead(reason, cause);
  }
  function rejectAll(error: () => Transient): void {
    const heard = waiters;
    waiters = [];
    for (const waiter of heard) waiter.reject(error());
  }

  function nextBatch(): JournalRow[] {
    const batch: JournalRow[] = [];
    let bytes = 0;
    let taken = 0;
    for (const group of groups) {
      const size = group.reduce((sum, row) => sum + row.data.length + OVERHEAD, 0);
      if (batch.length > 0 && (batch.length + group.length > maxRows || bytes + size > maxBytes)) break;
      batch.push(...group);
      bytes += size;
      taken += 1;
    }
    groups.splice(0, taken);
    return batch;
  }

  /** Resolves to false when the writer died. */
  async function commit(batch: readonly JournalRow[]): Promise<boolean> {
    const offset = batch[0]!.sequence - streamStart - 1;
    const began = clock.now();
    for (let attempt = 0; dead === undefined; attempt += 1) {
      try {
        await options.at?.('append-sent');
        const outcome = await store.append(stream, offset, batch);
        if (outcome === 'appended' || outcome === 'already') {
          stalledSince = undefined;
          await options.at?.('append-acknowledged');
          return dead === undefined;
        }
        die(outcome === 'fenced' ? 'another instance took over' : `an append at offset ${offset} was ${outcome}`);
      } catch (cause) {
        if (cause instanceof WarehouseError || cause instanceof TypeError) {
          die('the journal refused an append', cause);
          break;
        }
        stalledSince ??= began;
        options.onStall?.(cause);
        if (clock.now() - stalledSince >= answerWithinMilliseconds) {
          rejectAll(() => new Transient('The journal does not answer.', { cause, retryAfterSeconds: 5 }));
        }
        await clock.sleep(Math.min(2_000, 20 * 2 ** Math.min(attempt, 7)));
      }
    }
    return false;
  }

  async function pump(): Promise<void> {
    while (groups.length > 0 && dead === undefined) {
      const batch = nextBatch();
      if (!(await commit(batch))) break;
      durable = batch[batch.length - 1]!.sequence;
      options.onDurable(durable);
      let heard = 0;
      while (heard < waiters.length && waiters[heard]!.sequence <= durable) waiters[heard++]!.resolve();
      waiters = heard === waiters.length ? [] : waiters.slice(heard);
    }
    pumping = false;
  }

  return {
    write(rows) {
      if (dead !== undefined || rows.length === 0) return;
      groups.push(rows);
      if (pumping) return;
      pumping = true;
      // What else is written in this turn belongs to the same batch.
      queueMicrotask(() => {
        pump().catch((cause: unknown) => die('the journal writer failed', cause));
      });
    },
    whenDurable(sequence) {
      if (dead !== undefined) return Promise.reject(gone());
      if (sequence <= durable) return Promise.resolve();
      return new Promise((resolve, reject) => waiters.push({ sequence, resolve, reject }));
    },
    get durable() {
      return durable;
    },
    get stalled() {
      return stalledSince !== undefined;
    },
    get waiting() {
      return waiters.length;
    },
    kill: (reason) => die(reason),
  };
}
