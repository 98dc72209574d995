/**
 * Writes what is heard of runs into x_meta_pipeline_runs.
 *
 * 1. All that arrived while a statement ran goes into the next one: more load makes larger statements, not more of them.
 * 2. A row only moves forward (PENDING, RUNNING, an end) and its first end stands, however late, doubled or out of order events are.
 * 3. A caller's promise resolves when its events are in the table. 4. Statements are pruned to the partitions of their runs.
 * 5. A row that the warehouse refuses fails its own callers only, for good and by name; the other rows of its statement are written.
 */
import { type DataOf, type ProgressReport, Refusal, type runCancelled, type runCompleted, Transient } from '@convergence/contracts';
import { type Clock, type SqlParameter, type Warehouse, WarehouseError } from '@convergence/ports';
import { heardCompleted, heardProgress, heardRequested, newRecord, type RunRecord } from '@convergence/runs';
import type { Requested } from '../execution/announcer.ts';
import { mergeSql, ROW_TYPE, rowOf } from './merge.ts';

export type Heard =
  | { readonly kind: 'requested'; readonly data: Requested }
  | { readonly kind: 'progress'; readonly data: ProgressReport }
  | { readonly kind: 'completed'; readonly data: DataOf<typeof runCompleted> };
/** That somebody wants a run stopped, kept for an executor that takes it up later. */
export type Recorded =
  | Heard
  | { readonly kind: 'cancelled'; readonly data: DataOf<typeof runCancelled> & { readonly admitted_at: string } };

interface Gathered {
  readonly heard: readonly Recorded[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}
const MOST_ROWS = 5_000;
/** What a value that fits no column is refused with, and many another mistake. */
const OF_A_VALUE: ReadonlySet<string> = new Set(['invalid', 'invalidQuery']);

export class Recorder {
  readonly #warehouse: Warehouse;
  readonly #sql: string;
  readonly #clock: Clock;
  readonly #pauseMs: number;
  #gathered: Gathered[] = [];
  #busy = false;
  #stopping = new AbortController();

  constructor(warehouse: Warehouse, dataset: string, clock: Clock, pauseSeconds: number) {
    this.#warehouse = warehouse;
    this.#sql = mergeSql(dataset);
    this.#clock = clock;
    this.#pauseMs = pauseSeconds * 1000;
  }

  record(heard: readonly Recorded[]): Promise<void> {
    if (heard.length === 0) return Promise.resolve();
    return new Promise((done, failed) => {
      this.#gathered.push({ heard, done, failed });
      if (!this.#busy) void this.#work();
    });
  }

  /** Writes what is left without pausing. */
  stop(): void {
    this.#stopping.abort();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    // The messages of a batch are recorded one by one, in one turn.
    await Promise.resolve();
    while (this.#gathered.length > 0) {
      const began = this.#clock.now();
      const batch: Gathered[] = [];
      for (let rows = 0; this.#gathered.length > 0 && rows < MOST_ROWS; rows += batch[batch.length - 1]?.heard.length ?? 0)
        batch.push(this.#gathered.shift() as Gathered);
      try {
        const refused = await this.#write(foldHeard(batch.flatMap((g) => g.heard)));
        for (const g of batch) {
          const cause = g.heard.map(({ data }) => refused.get(data.run_id)).find((found) => found !== undefined);
          if (cause) g.failed(cause);
          else g.done();
        }
      } catch (error) {
        for (const g of batch) g.failed(error);
      }
      const rest = this.#pauseMs - (this.#clock.now() - began);
      if (rest > 0 && !this.#stopping.signal.aborted) await this.#clock.sleep(rest, this.#stopping.signal).catch(() => undefined);
    }
    this.#busy = false;
  }

  /** Why of those runs whose rows can not be written, by run id. */
  async #write(records: readonly RunRecord[]): Promise<ReadonlyMap<string, Refusal>> {
    try {
      if (records.length > 0) await this.#merge(records);
      return new Map();
    } catch (error) {
      if (!mayBeOfARow(error)) throw error;
      // Where the statement itself is at fault, it is without rows too.
      await this.#merge([]);
      return new Map(await this.#refusedOf(records, error));
    }
  }

  /** Writes by halves what was refused together. */
  async #refusedOf(records: readonly RunRecord[], cause: unknown): Promise<(readonly [string, Refusal])[]> {
    if (records.length === 1) return records.map(({ run_id }) => [run_id, refusalOf(run_id, cause)]);
    const half = Math.ceil(records.length / 2);
    const refused = [];
    for (const some of [records.slice(0, half), records.slice(half)]) {
      try {
        await this.#merge(some);
      } catch (error) {
        if (!mayBeOfARow(error)) throw error;
        refused.push(...(await this.#refusedOf(some, error)));
      }
    }
    return refused;
  }

  async #merge(records: readonly RunRecord[]): Promise<void> {
    const now = this.#clock.now();
    const times = records.length > 0 ? records.map((record) => Date.parse(record.admitted_at)) : [now];
    const time = (ms: number): SqlParameter => ({ type: 'TIMESTAMP', value: new Date(ms).toISOString() });
    await this.#warehouse.run({
      sql: this.#sql,
      parameters: {
        rows: { type: `ARRAY<${ROW_TYPE}>`, value: records.map((record) => rowOf(record)) },
        from: time(Math.min(...times)),
        to: time(Math.max(...times)),
        now: time(now),
      },
    });
  }
}

/** An error that is neither of the two is one of making the parameters. */
const mayBeOfARow = (error: unknown): boolean =>
  error instanceof WarehouseError ? OF_A_VALUE.has(error.reason) : !(error instanceof Transient);
const refusalOf = (runId: string, cause: unknown): Refusal =>
  new Refusal('request.invalid', `The row of run ${runId} can not be written: ${cause instanceof Error ? cause.message : cause}`, {
    cause,
  });

/** One record for each run of the batch. */
export function foldHeard(heard: readonly Recorded[]): RunRecord[] {
  const records = new Map<string, RunRecord>();
  for (const item of heard) {
    const { data } = item;
    let record = records.get(data.run_id);
    if (!record) {
      record = newRecord(data, data.admitted_at);
      records.set(data.run_id, record);
    }
    if (item.kind === 'requested') heardRequested(record, item.data);
    else if (item.kind === 'cancelled') record.cancel_reason ??= item.data.reason;
    else if (item.kind === 'progress') heardProgress(record, item.data);
    else heardCompleted(record, item.data);
  }
  return [...records.values()];
}
