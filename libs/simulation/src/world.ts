/**
 * The whole of admission, schedules and queue in one process under a virtual clock: the real decisions of both slices,
 * model executors, and a network that loses, doubles, delays and reorders. No I/O, no real time.
 *
 * Checked as it goes (a breach throws, with the seed that shows it again):
 * 1. Live reservations of a tenant never exceed its concurrent limit; what it used never its daily or monthly limit.
 * 2. Each (schedule, fire time) becomes at most one scheduled run, and each attempt of one at most one admitted run.
 * 3. No tenant waits while it is eligible and a place is free.
 * 4. No item is older than its time to live.
 * 5. Once faults stop, every run ends and every reservation with it.
 */
import type { AdmissionDecision, RunSpec } from '@convergence/contracts';
import * as schedules from '@convergence/schedules';
import * as tenants from '@convergence/tenants';
import { Agenda } from './agenda.ts';
import { Chance } from './chance.ts';
import { population } from './population.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly tenants: number;
  readonly schedulesPerTenant: number;
  readonly days: number;
  readonly start: number;
  /** Runs that executors work on at a time; the rest waits in the queue. */
  readonly places: number;
  readonly faults: boolean;
}
export interface Figures {
  readonly fires: number;
  readonly skipped: number;
  readonly admitted: number;
  readonly completed: number;
  readonly failed: number;
  readonly retries: number;
  readonly crashes: number;
  readonly faults: number;
  readonly steps: number;
  readonly waitP99Seconds: number;
  readonly latenessP99Ms: number;
}
export class Breach extends Error {
  override readonly name = 'Breach';
}

const ROUND_MS = 50;
const DAY = 86_400_000;

export class World {
  readonly #options: WorldOptions;
  readonly #chance: Chance;
  readonly #agenda: Agenda;
  readonly #tenants = tenants.initialState();
  #schedules = schedules.emptyState();
  readonly #limits = schedules.DEFAULT_LIMITS;
  readonly #fired = new Set<string>();
  readonly #attempts = new Set<string>();
  readonly #waits: number[] = [];
  readonly #lateness: number[] = [];
  readonly #count = { fires: 0, skipped: 0, admitted: 0, completed: 0, failed: 0, retries: 0, crashes: 0, faults: 0 };
  #sequence = 0;
  #faulty: boolean;
  #roundPlanned = false;
  #admissionAwayUntil = 0;
  #recoveredAt = 0;
  /** After admission did not answer; above 0 until it does. */
  #pausedUntil = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#chance = new Chance(options.seed);
    this.#agenda = new Agenda(options.start);
    this.#faulty = options.faults;
  }

  run(): Figures {
    const { days, start } = this.#options;
    for (const { onboard, create, status } of population(this.#options, this.#chance)) {
      this.#tell(onboard);
      this.#ask({ type: 'note-tenant', ...status });
      for (const command of create) this.#ask(command);
    }
    this.#keepTime();
    this.#every(30_000, () => {
      while ((this.#ask({ type: 'sweep-queue' }) as schedules.SweepReply).more);
    });
    this.#every(60_000, () => this.#checkWaiting());
    this.#every(10 * 60_000, () => this.#sweepOrphans());
    for (let day = 1; day <= days + 1; day++)
      this.#agenda.at(start - (start % DAY) + day * DAY, () => this.#tell({ kind: 'reset-quotas' }));
    if (this.#faulty) {
      this.#every(3 * 3_600_000, () => this.#crashScheduler());
      this.#every(5 * 3_600_000, () => this.#awayAdmission());
    }
    this.#agenda.run(start + days * DAY);
    this.#calm();
    return {
      ...this.#count,
      steps: this.#agenda.done,
      waitP99Seconds: quantile(this.#waits, 0.99) / 1000,
      latenessP99Ms: quantile(this.#lateness, 0.99),
    };
  }

  /** Faults stop, schedules too: what is under way must come to its end by itself. */
  #calm(): void {
    this.#faulty = false;
    for (const schedule of [...this.#schedules.schedules.values()])
      if (schedule.is_active) this.#ask({ type: 'disable-schedule', config_id: schedule.config_id });
    this.#agenda.run(this.#agenda.now + this.#limits.timeToLiveMs + 3 * 3_600_000);
    if (this.#schedules.queue.size > 0)
      this.#breach(
        5,
        `${this.#schedules.queue.size} items never ended, the first: ${JSON.stringify([...this.#schedules.queue.items()][0])}`,
      );
    for (const tenant of this.#tenants.tenants.values())
      if (tenant.live.size > 0) this.#breach(5, `${tenant.tenant_id} holds ${tenant.live.size} reservations of ended runs`);
  }

  // The scheduler's shell, as apps/scheduler-service does it.

  #ask(command: schedules.ScheduleCommand): unknown {
    const decided = schedules.decide(this.#schedules, command, {
      now: this.#agenda.now,
      random: () => this.#chance.uuid(),
      limits: this.#limits,
    });
    if ('refusal' in decided) throw decided.refusal;
    for (const event of decided.events) {
      this.#watch(event);
      schedules.apply(this.#schedules, event);
    }
    // Written by a checkpoint, in the real service.
    if (this.#schedules.ended.size > 1000) this.#schedules.ended.clear();
    return decided.reply;
  }

  #watch(event: schedules.ScheduleEvent): void {
    const { now } = this.#agenda;
    if (event.type === 'schedule-fired') {
      const fire = `${event.config_id} ${event.fire_time}`;
      if (this.#fired.has(fire)) this.#breach(2, `${fire} fired twice`);
      this.#fired.add(fire);
      this.#count.fires++;
      this.#lateness.push(now - event.fire_time);
    }
    if (event.type === 'fire-skipped') this.#count.skipped++;
    if (event.type === 'item-retried') this.#count.retries++;
    if (event.type === 'item-ended') this.#count[event.outcome === 'COMPLETED' ? 'completed' : 'failed']++;
    if (event.type === 'item-dispatched') {
      const item = this.#schedules.queue.get(event.run_id);
      if (item) this.#waits.push(now - Math.max(item.added_at, item.not_before));
    }
  }

  #keepTime(): void {
    const fire = (): void => {
      const due = this.#schedules.due.earliest;
      if (due !== undefined && due <= this.#agenda.now) {
        while ((this.#ask({ type: 'fire-due', limit: 5000 }) as schedules.FireReply).more);
        // A doubled tick.
        if (this.#fault(0.05)) this.#ask({ type: 'fire-due', limit: Number.POSITIVE_INFINITY });
        this.#soon();
      }
      this.#agenda.after(
        Math.min(60_000, Math.max(5, (this.#schedules.due.earliest ?? Number.POSITIVE_INFINITY) - this.#agenda.now)),
        fire,
      );
    };
    fire();
    this.#every(1000, () => this.#schedules.queue.waiting > 0 && this.#soon());
  }

  #soon(): void {
    if (this.#roundPlanned) return;
    this.#roundPlanned = true;
    this.#agenda.after(ROUND_MS, () => {
      this.#roundPlanned = false;
      this.#round();
    });
  }

  #round(): void {
    const { now } = this.#agenda;
    const lost = schedules.lostClaims(this.#schedules, now);
    const free = this.#options.places - (this.#schedules.queue.size - this.#schedules.queue.waiting);
    if (now < this.#pausedUntil) return;
    const picked = this.#schedules.queue.pick(now, Math.max(0, Math.min(this.#pausedUntil > 0 ? 1 : 200, free)));
    if (picked.length + lost.length === 0) return;
    const claimed = this.#ask({ type: 'claim-items', run_ids: [...lost, ...picked].map((item) => item.run_id) }) as readonly string[];
    // The scheduler dies with claims in hand: they are taken up again when their time is over.
    if (this.#fault(0.002)) return;
    const items = claimed.map((id) => this.#schedules.queue.get(id) as schedules.QueueItem);
    const specs = items.map(specOf);
    const away = now < this.#admissionAwayUntil;
    const decisions = away ? [] : specs.map((run) => this.#tell({ kind: 'admit', run }) as AdmissionDecision);
    const answerLost = away || this.#fault(0.01);
    const results = specs.map(
      (spec, i): schedules.ClaimResult =>
        answerLost ? held(spec, 'admission_unavailable', now + 1000) : resultOf(spec, decisions[i] as AdmissionDecision),
    );
    this.#ask({ type: 'settle-claims', results });
    this.#pausedUntil = answerLost ? now + 1000 : 0;
    this.#soon();
  }

  // tenant-service's shell.

  #tell(command: tenants.TenantCommand): unknown {
    const decided = tenants.decide(this.#tenants, command, { now: this.#agenda.now });
    if ('refusal' in decided) throw decided.refusal;
    for (const event of decided.events) {
      tenants.apply(this.#tenants, event, { sequence: ++this.#sequence, at: new Date(this.#agenda.now).toISOString() } as never);
      if (event.type === 'run_admitted') this.#admitted(event.run);
      if (event.type === 'run_orphaned') this.#orphaned(event);
    }
    return decided.reply;
  }

  #admitted(run: RunSpec): void {
    this.#count.admitted++;
    if (this.#attempts.has(run.run_id)) this.#breach(2, `attempt ${run.run_id} was admitted twice`);
    this.#attempts.add(run.run_id);
    const tenant = this.#tenants.tenants.get(run.tenant_id as never);
    if (!tenant) throw new Error(`no tenant ${run.tenant_id}`);
    const { max_concurrent_pipelines, max_pipelines_per_day, max_pipelines_per_month } = tenant.subscription;
    const used = tenants.usageAt(tenant, this.#agenda.now);
    if (tenant.live.size > max_concurrent_pipelines)
      this.#breach(1, `${run.tenant_id} has ${tenant.live.size} live runs of ${max_concurrent_pipelines}`);
    if (used.run > max_pipelines_per_day) this.#breach(1, `${run.tenant_id} used ${used.run} of ${max_pipelines_per_day} today`);
    if (used.month_run > max_pipelines_per_month)
      this.#breach(1, `${run.tenant_id} used ${used.month_run} of ${max_pipelines_per_month} this month`);
    this.#deliver(() => this.#execute(run));
  }

  // Executors: a redelivered run goes on where it stands, so it ends once, whoever works on it.

  readonly #working = new Set<string>();

  #execute(run: RunSpec): void {
    if (this.#working.has(run.run_id)) return;
    this.#working.add(run.run_id);
    this.#tell({ kind: 'start-run', run_id: run.run_id, started_at: new Date(this.#agenda.now).toISOString() });
    // The worker dies and nobody takes over: no word ever comes.
    if (this.#fault(0.0005)) return;
    const status = this.#chance.chance(0.93) ? 'COMPLETE' : 'FAILED';
    const retryable = this.#chance.chance(0.7);
    this.#agenda.after(this.#chance.between(500, 20_000), () => {
      this.#ended(run, status, retryable, null);
    });
  }

  #ended(run: Pick<RunSpec, 'run_id' | 'tenant_id'>, status: 'COMPLETE' | 'FAILED', retryable: boolean, error: string | null): void {
    const ended_at = new Date(this.#agenda.now).toISOString();
    this.#deliver(() => this.#tell({ kind: 'end-run', run_id: run.run_id, status, did_work: true, ended_at }));
    this.#deliver(() => {
      this.#ask({ type: 'finish-run', tenant_id: run.tenant_id, pipeline_logging_id: run.run_id, status, retryable, error });
      this.#soon();
    });
  }

  #sweepOrphans(): void {
    this.#tell({ kind: 'sweep-orphans', older_than_minutes: 60 });
  }

  #orphaned(run: { readonly run_id: string; readonly tenant_id: string }): void {
    this.#deliver(() => {
      this.#ask({
        type: 'finish-run',
        tenant_id: run.tenant_id,
        pipeline_logging_id: run.run_id,
        status: 'FAILED',
        retryable: true,
        error: 'lost',
      });
      this.#soon();
    });
  }

  // Chaos.

  /** A message: soon, now and then late or twice. */
  #deliver(act: () => void): void {
    const delay = (): number => (this.#fault(0.01) ? this.#chance.between(1000, 60_000) : this.#chance.between(2, 30));
    this.#agenda.after(delay(), act);
    if (this.#fault(0.02)) this.#agenda.after(delay() + this.#chance.between(0, 90_000), act);
  }

  /** What a new owner knows is what the tables say, and nothing else. */
  #crashScheduler(): void {
    if (!this.#faulty) return;
    this.#count.crashes++;
    this.#recoveredAt = this.#agenda.now;
    const before = this.#schedules;
    const after = schedules.emptyState();
    for (const schedule of before.schedules.values())
      schedules.putSchedule(after, schedules.scheduleOf(schedules.scheduleRow(schedule), 0));
    for (const item of before.queue.items()) schedules.putItem(after, schedules.itemOf(schedules.queueRow(item, null)));
    this.#schedules = after;
    for (const [id, standing] of before.tenants) schedules.putTenant(after, id, schedules.standingOf(schedules.tenantRow(id, standing)));
  }

  #awayAdmission(): void {
    if (!this.#faulty) return;
    this.#count.faults++;
    this.#admissionAwayUntil = this.#agenda.now + this.#chance.between(10_000, 600_000);
  }

  #fault(probability: number): boolean {
    const strikes = this.#faulty && this.#chance.chance(probability);
    if (strikes) this.#count.faults++;
    return strikes;
  }

  #checkWaiting(): void {
    const { now } = this.#agenda;
    const { queue } = this.#schedules;
    const free = this.#options.places - (queue.size - queue.waiting);
    for (const item of queue.items()) {
      if (item.stage !== 'waiting') continue;
      if (item.expires_at < now - 60_000) this.#breach(4, `${item.run_id} waits past its time to live`);
    }
    if (free <= 0 || now < this.#admissionAwayUntil + 60_000) return;
    // A round is at most a turn away, so whoever could have gone for two minutes was forgotten.
    for (const item of queue.pick(now, 1)) {
      const since = Math.max(
        this.#recoveredAt,
        item.added_at,
        item.not_before,
        item.hold?.until ?? 0,
        queue.holdOf(item.tenant_id)?.until ?? 0,
      );
      if (now - since > 120_000 && queue.waiting < this.#options.places / 2)
        this.#breach(3, `${item.run_id} could go since ${new Date(since).toISOString()}`);
    }
  }

  #every(milliseconds: number, act: () => void): void {
    const again = (): void => {
      act();
      this.#agenda.after(milliseconds, again);
    };
    this.#agenda.after(milliseconds, again);
  }

  #breach(invariant: number, what: string): never {
    throw new Breach(`seed ${this.#options.seed}, ${new Date(this.#agenda.now).toISOString()}: invariant ${invariant}: ${what}`);
  }
}

const specOf = (item: schedules.QueueItem): RunSpec => ({
  run_id: item.pipeline_logging_id as string,
  tenant_id: item.tenant_id,
  pipeline_id: schedules.pipelineIdOf(item),
  provider: item.provider,
  domain: item.domain,
  template: item.pipeline_template,
  parameters: item.parameters,
  parameters_hash: JSON.stringify(item.parameters).padEnd(16, ' '),
  run_date: null,
  trigger_type: 'scheduler',
  trigger_by: 'cloud_scheduler',
  user_id: null,
  lane: item.lane,
  scheduled_run_id: item.run_id,
  retry_of: null,
  retry_from: null,
});

const held = (spec: RunSpec, gate: string, expected: number | null, scope: 'item' | 'tenant' = 'item'): schedules.ClaimResult => ({
  run_id: spec.scheduled_run_id as string,
  outcome: 'held',
  scope,
  gate,
  detail: gate,
  expected,
});
function resultOf(spec: RunSpec, decision: AdmissionDecision): schedules.ClaimResult {
  if (decision.outcome === 'admitted') return { run_id: spec.scheduled_run_id as string, outcome: 'started' };
  if (decision.outcome === 'existing') return held(spec, 'same_pipeline', null);
  return held(spec, decision.code, decision.retry_at === null ? null : Date.parse(decision.retry_at), 'tenant');
}

function quantile(values: number[], q: number): number {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0;
}
