/**
 * Which mutating statements (UPDATE, DELETE, MERGE, TRUNCATE) may run on a table, and which of them collide, as BigQuery
 * has it. Knows no SQL: callers say what partitions they changed.
 *
 * 1. At most two mutating statements of a table run at a time; later ones wait in order (20 of them when limits are on).
 * 2. Of two that overlap in time and changed the same partition, the first to commit wins; the other learns it at its
 *    commit and runs again. INSERTs are never here.
 * 3. A transaction that mutates a table holds it: another transaction that wants to mutate it is cancelled, single
 *    statements wait for its end. A table that changed since the transaction began cannot be mutated by it any more.
 */
import { ApiError } from '../errors.ts';

const RUNNING = 2;
const QUEUED = 20;
const EVERYTHING = '*';

interface TableState {
  running: number;
  holder: Transaction | undefined;
  readonly queue: (() => void)[];
  /** When each partition was last changed, by commit number. */
  readonly changed: Map<string, number>;
  committing: Promise<unknown>;
}
export interface Transaction {
  readonly began: number;
  readonly held: Set<number>;
}
export interface Slot {
  /** Runs `commit` unless a partition of ours was changed since `began`; answers whether it did. */
  commit(partitions: ReadonlySet<string> | undefined, began: number, commit: () => Promise<void>): Promise<boolean>;
  release(): void;
}

export const serializationFailure = (table: string) =>
  new ApiError('invalidQuery', `Could not serialize access to table ${table} due to concurrent update`, 'query');
export const transactionAborted = (table: string) =>
  new ApiError('invalidQuery', `Transaction is aborted due to concurrent update against table ${table}.`, 'query');

export class Mutations {
  readonly #tables = new Map<number, TableState>();
  #clock = 0;

  /** The commit number to compare with later. */
  get now(): number {
    return this.#clock;
  }

  async enter(id: number, table: string, limited: boolean): Promise<Slot> {
    const state = this.#state(id);
    if (state.running >= RUNNING || state.holder !== undefined || state.queue.length > 0) {
      if (limited && state.queue.length >= QUEUED) {
        throw new ApiError(
          'resourcesExceeded',
          `Resources exceeded during query execution: Too many DML statements outstanding against table ${table}, limit is ${QUEUED}.`,
          'query',
        );
      }
      await new Promise<void>((resolve) => state.queue.push(resolve));
    } else state.running++;
    let held = true;
    return {
      commit: (partitions, began, commit) => this.#commit(state, partitions, began, commit),
      release: () => {
        if (!held) return;
        held = false;
        state.running--;
        this.#next(id, state);
      },
    };
  }

  begin(): Transaction {
    return { began: this.#clock, held: new Set() };
  }

  /** Before a transaction mutates a table. */
  hold(transaction: Transaction, id: number, table: string): void {
    const state = this.#state(id);
    if (state.holder === transaction) return;
    const changedSince = [...state.changed.values()].some((at) => at > transaction.began);
    if (state.holder !== undefined || changedSince || state.running > 0) throw transactionAborted(table);
    state.holder = transaction;
    transaction.held.add(id);
  }

  end(transaction: Transaction, committed: boolean): void {
    if (committed && transaction.held.size > 0) this.#clock++;
    for (const id of transaction.held) {
      const state = this.#state(id);
      if (committed) state.changed.set(EVERYTHING, this.#clock);
      state.holder = undefined;
      this.#next(id, state);
    }
    transaction.held.clear();
  }

  #commit(state: TableState, partitions: ReadonlySet<string> | undefined, began: number, commit: () => Promise<void>): Promise<boolean> {
    const turn = state.committing.then(async () => {
      const mine = partitions ?? new Set([EVERYTHING]);
      for (const [partition, at] of state.changed) {
        if (at > began && (partition === EVERYTHING || mine.has(EVERYTHING) || mine.has(partition))) return false;
      }
      await commit();
      const at = ++this.#clock;
      for (const partition of mine) state.changed.set(partition, at);
      return true;
    });
    state.committing = turn.catch(() => undefined);
    return turn;
  }

  #state(id: number): TableState {
    let state = this.#tables.get(id);
    if (!state) {
      state = { running: 0, holder: undefined, queue: [], changed: new Map(), committing: Promise.resolve() };
      this.#tables.set(id, state);
    }
    return state;
  }

  #next(id: number, state: TableState): void {
    while (state.running < RUNNING && state.holder === undefined) {
      const go = state.queue.shift();
      if (!go) break;
      state.running++;
      go();
    }
    // Nobody is left who began before these changes, unless a transaction did: those compare by the clock, so keep the last one.
    if (state.running === 0 && state.queue.length === 0 && state.holder === undefined && state.changed.size > 1) {
      const last = Math.max(...state.changed.values());
      state.changed.clear();
      state.changed.set(EVERYTHING, last);
    }
    if (this.#tables.size > 10_000 && state.running === 0 && state.queue.length === 0 && state.holder === undefined)
      this.#tables.delete(id);
  }
}
