/**
 * Moves the queue: picks who is next, claims, asks admission for the whole batch, settles what it said.
 *
 * It must not know limits, quotas or weights: the queue orders, tenant-service admits.
 *
 * 1. One round at a time; what changes meanwhile is looked at in the next round, at once.
 * 2. A claim is journalled before admission is asked, with the id of the attempt: asking again after a crash or a lost
 *    answer asks about the same run, and admission answers the same.
 * 3. When admission does not answer, the items go back to their places with that as the reason; the rounds pause, then one item
 *    asks for all.
 * 4. One item that can not be prepared, asked about or survived takes no other along.
 */
import type { AdmissionDecision, Principal, RunSpec } from '@convergence/contracts';
import { Refusal, Transient } from '@convergence/contracts';
import type { TemplateCatalogue } from '@convergence/pipelines';
import type { Clock } from '@convergence/ports';
import { type ClaimResult, lostClaims, type QueueItem } from '@convergence/schedules';
import type { Log } from '@convergence/service';
import type { Admission } from './admission.ts';
import type { SchedulesSlice } from './definition.ts';
import { runSpecOf } from './run-spec.ts';

export interface Started {
  readonly pipeline_logging_id: string;
  readonly tenant_id: string;
  readonly pipeline_id: string;
}

export interface DispatcherOptions {
  readonly slice: SchedulesSlice;
  readonly templates: TemplateCatalogue;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
  /** Scheduled runs that may be under way at a time: what the executors can take, so that order is decided here. */
  readonly maxInFlight: number;
  /** Items of one round. */
  readonly batch?: number;
}

/** Bodies end at 1 MB, requests at 1000 runs. */
const LARGEST_REQUEST = 300_000;
const LARGEST_ROUND = 500;
/** What is held by time alone is looked at this often. */
const TURN_MS = 250;
const PAUSE_AFTER_FAILURE_MS = 1000;
/** Refusals that concern the tenant as a whole; any other holds the one item. */
const TENANT_GATES = new Set([
  'quota.daily_exceeded',
  'quota.monthly_exceeded',
  'quota.concurrent_exceeded',
  'tenant.suspended',
  'tenant.inactive',
  'tenant.not_found',
  'subscription.inactive',
]);

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #stopping = new AbortController();
  #round: Promise<readonly Started[]> | undefined;
  #again = false;
  #running: Promise<void> | undefined;
  #wake = new AbortController();
  #fullSince: number | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** How many more runs may be started now. */
  get places(): number {
    const { slice, maxInFlight } = this.#options;
    return Math.max(0, maxInFlight - (slice.state.queue.size - slice.state.queue.waiting));
  }
  /** What all that wait have in common: how many scheduled runs are under way, of how many that may be. */
  get inFlight(): { readonly value: number; readonly limit: number; readonly fullSince: number | null } {
    const limit = this.#options.maxInFlight;
    return { value: limit - this.places, limit, fullSince: this.places === 0 ? this.#fullSince : null };
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    await this.#running;
    await this.#round?.catch(() => undefined);
  }

  /** Something changed that may let an item go: an arrival, an end, a limit. */
  poke(): void {
    this.#again = true;
    this.#wake.abort();
  }

  /** Rounds until so many started or nothing can, for whoever wants to see what did. */
  async process(max: number): Promise<readonly Started[]> {
    const started: Started[] = [];
    for (let more = true; more && started.length < max; ) {
      const some = await this.#once(Math.min(max - started.length, LARGEST_ROUND));
      started.push(...some);
      more = some.length > 0;
    }
    return started;
  }

  async #run(): Promise<void> {
    const { clock, log, slice, batch = 200 } = this.#options;
    let size = batch;
    while (!this.#stopping.signal.aborted) {
      try {
        this.#again = false;
        if (slice.ready && (slice.state.queue.waiting > 0 || slice.state.queue.size > 0)) {
          const started = await this.#once(size);
          if (started.length > 0) this.#again = true;
        }
        size = batch;
      } catch (error) {
        log.error({ err: error }, 'a dispatch round failed, it is tried again');
        // One asks whether it is back, for all that wait; nothing wakes it before.
        size = 1;
        await clock.sleep(PAUSE_AFTER_FAILURE_MS, this.#stopping.signal).catch(() => undefined);
        continue;
      }
      if (this.#again) continue;
      this.#wake = new AbortController();
      if (this.#stopping.signal.aborted) return;
      await clock.sleep(TURN_MS, this.#wake.signal).catch(() => undefined);
    }
  }

  #once(max: number): Promise<readonly Started[]> {
    const before = this.#round?.catch(() => undefined) ?? Promise.resolve();
    const round = before.then(() => this.#dispatch(max));
    this.#round = round;
    return round;
  }

  async #dispatch(max: number): Promise<readonly Started[]> {
    const { slice, clock } = this.#options;
    const now = clock.now();
    const run_ids = this.#next(now, max).map((item) => item.run_id);
    if (run_ids.length === 0) return [];
    const claimed = await slice.execute<readonly string[]>({ type: 'claim-items', run_ids });
    const items = claimed.map((id) => slice.state.queue.get(id)).filter((item): item is QueueItem => item?.stage === 'claimed');
    const specs: RunSpec[] = [];
    const results: ClaimResult[] = [];
    for (const item of items) {
      const spec = this.#prepare(item);
      if (!spec) continue;
      if ('refused' in spec) results.push({ run_id: item.run_id, outcome: 'refused', detail: spec.refused });
      else specs.push(spec);
    }
    let away: Transient | undefined;
    for (const some of inPieces(specs)) {
      if (away) results.push(...some.map((spec) => unanswered(spec, `Admission does not answer: ${away?.message}`, clock.now())));
      else away = await this.#admit(some, results);
    }
    await slice.execute({ type: 'settle-claims', results });
    if (away) throw away;
    const startedIds = new Set(results.filter((r) => r.outcome === 'started').map((r) => r.run_id));
    return specs
      .filter((spec) => startedIds.has(spec.scheduled_run_id as string))
      .map((spec) => ({ pipeline_logging_id: spec.run_id, tenant_id: spec.tenant_id, pipeline_id: spec.pipeline_id }));
  }

  /** Lost claims first. One that was lost before goes alone: should looking at it end the process, nobody else is drawn in. */
  #next(now: number, max: number): readonly QueueItem[] {
    this.#fullSince = this.places > 0 ? null : (this.#fullSince ?? now);
    const { queue } = this.#options.slice.state;
    const lost = lostClaims(this.#options.slice.state, now);
    const suspect = lost.find((item) => item.attempts > 1);
    if (suspect) return [suspect];
    const taken = lost.slice(0, max);
    return [...taken, ...queue.pick(now, Math.max(0, Math.min(max - taken.length, this.places)))];
  }

  /** Undefined: preparing it threw. The claim is left to be lost, so that the attempt counts. */
  #prepare(item: QueueItem): ReturnType<typeof runSpecOf> | undefined {
    const { slice, templates, log } = this.#options;
    try {
      const zone = (item.config_id && slice.state.schedules.get(item.config_id)?.timezone) || 'UTC';
      return runSpecOf(item, zone, templates);
    } catch (error) {
      log.error({ err: error, run_id: item.run_id, tenant_id: item.tenant_id }, 'a queued run could not be prepared');
      return undefined;
    }
  }

  async #admit(specs: readonly RunSpec[], results: ClaimResult[]): Promise<Transient | undefined> {
    const { log, clock } = this.#options;
    try {
      const { queue } = this.#options.slice.state;
      const askedBy: Record<string, Principal> = {};
      for (const { run_id, scheduled_run_id } of specs) {
        const principal = queue.get(scheduled_run_id as string)?.asked_by;
        if (principal) askedBy[run_id] = principal;
      }
      const { decisions } = await this.#options.admission.admit(specs, askedBy);
      const byRun = new Map(decisions.map((decision) => [decision.run_id, decision]));
      for (const spec of specs) results.push(resultOf(spec, byRun.get(spec.run_id), clock.now()));
      return undefined;
    } catch (error) {
      if (error instanceof Transient) {
        for (const spec of specs) results.push(unanswered(spec, `Admission does not answer: ${error.message}`, clock.now()));
        return error;
      }
      const [first, ...others] = specs as [RunSpec, ...RunSpec[]];
      if (others.length > 0) {
        // One of them can not be asked about: each for itself, so that the others go on.
        for (const spec of specs) {
          const away = await this.#admit([spec], results);
          if (away) return away;
        }
      } else if (error instanceof Refusal) {
        results.push({ run_id: first.scheduled_run_id as string, outcome: 'refused', detail: error.message });
      } else {
        // The claim is left to be lost: the attempt counts, and after some it ends.
        log.error({ err: error, run_id: first.scheduled_run_id, tenant_id: first.tenant_id }, 'admission failed over a queued run');
      }
      return undefined;
    }
  }
}

/** As many in one request as its body takes. */
function* inPieces(specs: readonly RunSpec[]): Generator<readonly RunSpec[]> {
  let piece: RunSpec[] = [];
  let bytes = 0;
  for (const spec of specs) {
    const size = JSON.stringify(spec).length;
    if (piece.length > 0 && bytes + size > LARGEST_REQUEST) {
      yield piece;
      [piece, bytes] = [[], 0];
    }
    piece.push(spec);
    bytes += size;
  }
  if (piece.length > 0) yield piece;
}

const unanswered = (spec: RunSpec, detail: string, now: number): ClaimResult => ({
  run_id: spec.scheduled_run_id as string,
  outcome: 'held',
  scope: 'item',
  gate: 'admission_unavailable',
  detail,
  expected: now + PAUSE_AFTER_FAILURE_MS,
});

const figure = (value: unknown): number | null => (typeof value === 'number' ? value : null);

function resultOf(spec: RunSpec, decision: AdmissionDecision | undefined, now: number): ClaimResult {
  const run_id = spec.scheduled_run_id as string;
  if (!decision) return unanswered(spec, 'Admission gave no answer for this run', now);
  switch (decision.outcome) {
    case 'admitted':
      return { run_id, outcome: 'started' };
    case 'existing':
      return {
        run_id,
        outcome: 'held',
        scope: 'item',
        gate: 'same_pipeline',
        detail: `The same pipeline with the same parameters is live as ${decision.existing_run_id}`,
        value: decision.existing_run_id,
        expected: null,
      };
    case 'refused': {
      if (decision.code === 'template.not_found' || decision.code === 'template.parameters_invalid')
        return { run_id, outcome: 'refused', detail: decision.detail };
      const expected = decision.retry_at === null ? null : Date.parse(decision.retry_at);
      return {
        run_id,
        outcome: 'held',
        scope: TENANT_GATES.has(decision.code) ? 'tenant' : 'item',
        gate: decision.code,
        detail: decision.detail,
        value: figure(decision.fields.used),
        limit: figure(decision.fields.limit),
        expected,
      };
    }
    default:
      return decision satisfies never;
  }
}
