/**
 * Writes what is heard of runs into x_meta_pipeline_runs.
 *
 * 1. All that arrived while a statement ran goes into the next one: more load makes larger statements, not more of them.
 * 2. A row only moves forward (PENDING, RUNNING, an end) and its first end stands, however late, doubled or out of order events are.
 * 3. A caller's promise resolves when its events are in the table. 4. Statements are pruned to the partitions of their runs.
 */
import type { DataOf, ProgressReport, runCompleted } from '@convergence/contracts';
import type { Clock, SqlParameter, Warehouse } from '@convergence/ports';
import { heardCompleted, heardProgress, heardRequested, newRecord, type RunRecord } from '@convergence/runs';
import type { Requested } from '../execution/announcer.ts';
import { mergeSql, ROW_TYPE, rowOf } from './merge.ts';

export type Heard =
  | { readonly kind: 'requested'; readonly data: Requested }
  | { readonly kind: 'progress'; readonly data: ProgressReport }
  | { readonly kind: 'completed'; readonly data: DataOf<typeof runCompleted> };

interface Gathered {
  readonly heard: readonly Heard[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}
const MOST_ROWS = 5_000;

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

  record(heard: readonly Heard[]): Promise<void> {
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
    while (this.#gathered.length > 0) {
      const began = this.#clock.now();
      const batch: Gathered[] = [];
      for (let rows = 0; this.#gathered.length > 0 && rows < MOST_ROWS; rows += batch[batch.length - 1]?.heard.length ?? 0)
        batch.push(this.#gathered.shift() as Gathered);
      try {
        await this.#write(batch.flatMap((g) => g.heard));
        for (const g of batch) g.done();
      } catch (error) {
        for (const g of batch) g.failed(error);
      }
      const rest = this.#pauseMs - (this.#clock.now() - began);
      if (rest > 0 && !this.#stopping.signal.aborted) await this.#clock.sleep(rest, this.#stopping.signal).catch(() => undefined);
    }
    this.#busy = false;
  }

  async #write(heard: readonly Heard[]): Promise<void> {
    const records = foldHeard(heard);
    if (records.length === 0) return;
    const times = records.map((record) => Date.parse(record.admitted_at));
    const time = (ms: number): SqlParameter => ({ type: 'TIMESTAMP', value: new Date(ms).toISOString() });
    await this.#warehouse.run({
      sql: this.#sql,
      parameters: {
        rows: { type: `ARRAY<${ROW_TYPE}>`, value: records.map((record) => rowOf(record)) },
        from: time(Math.min(...times)),
        to: time(Math.max(...times)),
        now: time(this.#clock.now()),
      },
    });
  }
}

/** One record for each run of the batch. */
export function foldHeard(heard: readonly Heard[]): RunRecord[] {
  const records = new Map<string, RunRecord>();
  for (const item of heard) {
    const { data } = item;
    let record = records.get(data.run_id);
    if (!record) {
      record = newRecord(data, data.admitted_at);
      records.set(data.run_id, record);
    }
    if (item.kind === 'requested') heardRequested(record, item.data);
    else if (item.kind === 'progress') heardProgress(record, item.data);
    else heardCompleted(record, item.data);
  }
  return [...records.values()];
}
