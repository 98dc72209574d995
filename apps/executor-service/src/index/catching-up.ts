/**
 * What was said of runs before this instance listened: that they were asked for, how, and how they ended. The table has it, or will in a
 * moment.
 *
 * 1. Runs of about its start that it knows nothing of are added. 2. Runs in doubt are looked up until nothing more is to be learned of
 * them; without any, nothing is asked. 3. Less and less often, while one from before goes on and on. 4. Who watches a run hears of an
 * end that is found so. 5. That somebody wants a run stopped counts here too, found so or at the start.
 */
import type { Clock } from '@convergence/ports';
import { hasEnded, type RunRecord, readInTable } from '@convergence/runs';
import type { Log } from '@convergence/service';
import type { Worker } from '../worker.ts';
import type { LiveEvents } from './live-events.ts';
import type { RunIndex } from './run-index.ts';
import type { RunTable } from './run-table.ts';

/** By then what was said before is in the table, and what is said now is heard. */
const SOON_MS = 5_000;
const SELDOM_MS = 60_000;
const AROUND_START_MS = 60_000;
const MOST = 1_000;

interface Parts {
  readonly index: Pick<RunIndex, 'doubtful' | 'get' | 'add'>;
  readonly table: Pick<RunTable, 'these' | 'list'>;
  readonly live: Pick<LiveEvents, 'ended'>;
  readonly worker: Pick<Worker, 'cancel'>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /** Runs that the index holds at most. */
  readonly capacity: number;
}

/** Returns how to stop it. */
export function startCatchingUp(parts: Parts): () => void {
  const { clock, log } = parts;
  const stop = new AbortController();
  let started: number | undefined = clock.now();
  let pause = SOON_MS;
  const look = async (): Promise<void> => {
    try {
      if (started !== undefined) await addUnknown(parts, started, stop.signal);
      started = undefined;
      pause = (await catchUp(parts)) > 0 ? SOON_MS : Math.min(pause * 2, SELDOM_MS);
    } catch (error) {
      log.warn({ err: error }, 'runs from before the start could not be looked up; later again');
    }
    again();
  };
  const again = () => void clock.sleep(pause, stop.signal).then(look, () => undefined);
  again();
  return () => stop.abort('stopped');
}

/** What was asked for, and perhaps ended, after the table was read and before anything was heard. */
export async function addUnknown({ index, table, worker, capacity }: Parts, started: number, signal: AbortSignal): Promise<void> {
  const from = new Date(started - AROUND_START_MS).toISOString();
  const to = new Date(started + SOON_MS).toISOString();
  for (const row of await table.list({ tenantId: undefined, from, to }, undefined, capacity, signal))
    if (!index.get(row.run_id)) {
      index.add(row);
      cancelWhereAsked(row, worker);
    }
}

export function cancelWhereAsked({ run_id, status, cancel_reason }: RunRecord, worker: Parts['worker']): void {
  if (cancel_reason !== null && !hasEnded(status)) worker.cancel(run_id, cancel_reason);
}

/** Of how many runs something was learned. */
export async function catchUp({ index, table, live, worker, clock }: Parts): Promise<number> {
  const settled = clock.now() - SOON_MS;
  const records = index
    .doubtful()
    .filter((record) => Date.parse(record.admitted_at) <= settled)
    .slice(0, MOST);
  if (records.length === 0) return 0;
  const rows = new Map((await table.these(records)).map((row) => [row.run_id, row]));
  return records.filter((record) => {
    const row = rows.get(record.run_id);
    return row !== undefined && learn(record, row, live, worker);
  }).length;
}

function learn(record: RunRecord, row: RunRecord, live: Parts['live'], worker: Parts['worker']): boolean {
  const { spec, status } = record;
  readInTable(record, row);
  cancelWhereAsked(record, worker);
  if (hasEnded(record.status) && !hasEnded(status)) live.ended(record, record.sequence);
  return record.spec !== spec || record.status !== status;
}
