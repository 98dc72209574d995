/**
 * Moves the queue: picks who is next, claims, asks admission for the whole batch, settles what it said.
 *
 * It must not know limits, quotas or weights: the queue orders, tenant-service admits.
 *
 * 1. One round at a time; what changes meanwhile is looked at in the next round, at once.
 * 2. A claim is journalled before admission is asked, with the id of the attempt: asking again after a crash or a lost
 *    answer asks about the same run, and admission answers the same.
 * 3. When admission does not answer, the items go back to their places with that as the reason; the rounds pause.
 */
import type { AdmissionDecision, RunSpec } from '@convergence/contracts';
import { Transient } from '@convergence/contracts';
import type { TemplateCatalogue } from '@convergence/pipelines';
import type { Clock } from '@convergence/ports';
import { type ClaimResult, lostClaims, type QueueItem } from '@convergence/schedules';
import type { Log } from '@convergence/service';
import { runSpecOf } from './run-spec.ts';
import type { Admission, SchedulesSlice } from './scheduler.ts';

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

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** How many more runs may be started now. */
  get places(): number {
    const { slice, maxInFlight } = this.#options;
    return Math.max(0, maxInFlight - (slice.state.queue.size - slice.state.queue.waiting));
  }
  get maxInFlight(): number {
    return this.#options.maxInFlight;
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

  /** One round now, for whoever wants to see what it started; joins the one under way. */
  async process(max: number): Promise<readonly Started[]> {
    await this.#round?.catch(() => undefined);
    return this.#once(max);
  }

  async #run(): Promise<void> {
    const { clock, log, slice, batch = 200 } = this.#options;
    while (!this.#stopping.signal.aborted) {
      let pause = TURN_MS;
      try {
        this.#again = false;
        if (slice.ready && (slice.state.queue.waiting > 0 || slice.state.queue.size > 0)) {
          const started = await this.#once(batch);
          if (started.length > 0) this.#again = true;
        }
      } catch (error) {
        log.error({ err: error }, 'a dispatch round failed, it is tried again');
        pause = PAUSE_AFTER_FAILURE_MS;
        this.#again = false;
      }
      if (this.#again) continue;
      this.#wake = new AbortController();
      if (this.#stopping.signal.aborted) return;
      await clock.sleep(pause, this.#wake.signal).catch(() => undefined);
    }
  }

  #once(max: number): Promise<readonly Started[]> {
    const round = this.#dispatch(max).finally(() => {
      if (this.#round === round) this.#round = undefined;
    });
    this.#round = round;
    return round;
  }

  async #dispatch(max: number): Promise<readonly Started[]> {
    const { slice, clock } = this.#options;
    const now = clock.now();
    const lost = lostClaims(slice.state, now).slice(0, max);
    const room = Math.min(max, this.places) - lost.length;
    const run_ids = [...lost, ...slice.state.queue.pick(now, Math.max(0, room))].map((item) => item.run_id);
    if (run_ids.length === 0) return [];
    const claimed = await slice.execute<readonly string[]>({ type: 'claim-items', run_ids });
    const items = claimed.map((id) => slice.state.queue.get(id)).filter((item): item is QueueItem => item?.stage === 'claimed');
    const specs: RunSpec[] = [];
    const results: ClaimResult[] = [];
    for (const item of items) {
      const zone = (item.config_id && slice.state.schedules.get(item.config_id)?.timezone) || 'UTC';
      const spec = runSpecOf(item, zone, this.#options.templates);
      if ('refused' in spec) results.push({ run_id: item.run_id, outcome: 'refused', detail: spec.refused });
      else specs.push(spec);
    }
    const unreachable = await this.#admit(specs, results);
    await slice.execute({ type: 'settle-claims', results });
    if (unreachable) throw unreachable;
    const startedIds = new Set(results.filter((r) => r.outcome === 'started').map((r) => r.run_id));
    return specs
      .filter((spec) => startedIds.has(spec.scheduled_run_id as string))
      .map((spec) => ({ pipeline_logging_id: spec.run_id, tenant_id: spec.tenant_id, pipeline_id: spec.pipeline_id }));
  }

  async #admit(specs: readonly RunSpec[], results: ClaimResult[]): Promise<Transient | undefined> {
    if (specs.length === 0) return undefined;
    try {
      const { decisions } = await this.#options.admission.admit(specs);
      const byRun = new Map(decisions.map((decision) => [decision.run_id, decision]));
      for (const spec of specs) results.push(resultOf(spec, byRun.get(spec.run_id), this.#options.clock.now()));
      return undefined;
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      const detail = `Admission does not answer: ${error.message}`;
      for (const spec of specs) {
        results.push({
          run_id: spec.scheduled_run_id as string,
          outcome: 'held',
          scope: 'item',
          gate: 'admission_unavailable',
          detail,
          expected: this.#options.clock.now() + PAUSE_AFTER_FAILURE_MS,
        });
      }
      return error;
    }
  }
}

function resultOf(spec: RunSpec, decision: AdmissionDecision | undefined, now: number): ClaimResult {
  const run_id = spec.scheduled_run_id as string;
  if (!decision)
    return {
      run_id,
      outcome: 'held',
      scope: 'item',
      gate: 'admission_unavailable',
      detail: 'Admission gave no answer for this run',
      expected: now + PAUSE_AFTER_FAILURE_MS,
    };
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
        expected,
      };
    }
    default:
      return decision satisfies never;
  }
}
