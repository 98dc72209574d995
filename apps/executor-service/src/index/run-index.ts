/**
 * The runs that people look at, in memory: all live ones and the most recent others, folded from what this instance hears.
 *
 * 1. Complete from `completeSince` on: a list that stays above it needs no table. 2. It never holds more than `capacity` runs;
 * the oldest that ended leave first. 3. Newest first means by admission, then by id: an order that never changes under a reader.
 */
import { hasEnded, heardCompleted, heardProgress, heardRequested, newRecord, type RunRecord } from '@convergence/runs';
import type { Heard } from '../record/recorder.ts';

export interface Position {
  readonly admitted_at: string;
  readonly run_id: string;
}
/** Before in the list: newer. */
export const newerThan = (a: Position, b: Position): boolean => {
  const [x, y] = [Date.parse(a.admitted_at), Date.parse(b.admitted_at)];
  return x !== y ? x > y : a.run_id > b.run_id;
};

export class RunIndex {
  readonly #records = new Map<string, RunRecord>();
  /** Oldest first, by tenant and over all. */
  readonly #byTenant = new Map<string, RunRecord[]>();
  readonly #all: RunRecord[] = [];
  /** Added without all that can be known of them; looked through again by whoever asks. */
  readonly #doubtful = new Set<RunRecord>();
  /** Of each tenant the last run that left. */
  readonly #left = new Map<string, Position>();
  readonly #capacity: number;
  /** Everything admitted after this is here; undefined: everything there is. */
  completeSince: Position | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#records.size;
  }
  get(runId: string): RunRecord | undefined {
    return this.#records.get(runId);
  }

  hear(heard: Heard): RunRecord | undefined {
    const { data } = heard;
    const known = this.#records.get(data.run_id);
    if (!known && this.#tooOld(data.run_id, data.admitted_at)) return undefined;
    const record = known ?? newRecord(data, data.admitted_at);
    if (heard.kind === 'requested') heardRequested(record, heard.data);
    else if (heard.kind === 'progress') heardProgress(record, heard.data);
    else heardCompleted(record, heard.data);
    if (!known) this.add(record);
    return record;
  }

  /** From the table at start, or one that somebody else knew. */
  add(record: RunRecord): void {
    if (this.#records.has(record.run_id)) return;
    this.#records.set(record.run_id, record);
    insert(this.#all, record);
    const own = this.#byTenant.get(record.tenant_id) ?? [];
    insert(own, record);
    this.#byTenant.set(record.tenant_id, own);
    if (inDoubt(record)) this.#doubtful.add(record);
    if (this.#records.size > this.#capacity) this.#shrink();
  }

  /** Newest first from after `cursor`, lazily. */
  *newest(tenantId: string | undefined, cursor: Position | undefined): Generator<RunRecord> {
    const line = tenantId === undefined ? this.#all : (this.#byTenant.get(tenantId) ?? []);
    for (let i = (cursor ? place(line, cursor) : line.length) - 1; i >= 0; i--) {
      const record = line[i];
      if (record && (!cursor || newerThan(cursor, record))) yield record;
    }
  }

  /** Runs of which something was said before this instance listened: how they were asked for, or that they ended. */
  doubtful(): readonly RunRecord[] {
    for (const record of this.#doubtful) if (!inDoubt(record)) this.#doubtful.delete(record);
    return [...this.#doubtful];
  }

  /** Another than before: runs that were here are in the table only. */
  lastLeft(tenantId: string | undefined): Position | undefined {
    return tenantId === undefined ? this.completeSince : this.#left.get(tenantId);
  }

  #tooOld(run_id: string, admitted_at: string): boolean {
    return this.completeSince !== undefined && newerThan(this.completeSince, { run_id, admitted_at });
  }

  #shrink(): void {
    const leave = this.#all.find((record) => hasEnded(record.status));
    if (!leave) return;
    this.#records.delete(leave.run_id);
    this.#doubtful.delete(leave);
    this.#left.set(leave.tenant_id, { admitted_at: leave.admitted_at, run_id: leave.run_id });
    remove(this.#all, leave);
    const own = this.#byTenant.get(leave.tenant_id) ?? [];
    remove(own, leave);
    if (own.length === 0) this.#byTenant.delete(leave.tenant_id);
    if (!this.completeSince || newerThan(leave, this.completeSince))
      this.completeSince = { run_id: leave.run_id, admitted_at: leave.admitted_at };
  }
}

const inDoubt = (record: RunRecord): boolean => record.spec === undefined || !(record.whole || hasEnded(record.status));

/** Where it stands or would stand. */
function place(line: readonly RunRecord[], at: Position): number {
  let [low, high] = [0, line.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (newerThan(at, line[middle] as RunRecord)) low = middle + 1;
    else high = middle;
  }
  return low;
}
function insert(line: RunRecord[], record: RunRecord): void {
  const last = line[line.length - 1];
  if (!last || newerThan(record, last)) line.push(record);
  else line.splice(place(line, record), 0, record);
}
function remove(line: RunRecord[], record: RunRecord): void {
  if (line[0] === record) line.shift();
  else {
    const at = line.indexOf(record);
    if (at >= 0) line.splice(at, 1);
  }
}
