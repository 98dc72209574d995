/**
 * scheduler-service as the simulation plays it: the real decisions and the real queue; firing, rounds and settling as
 * timekeeper.ts and dispatcher.ts of apps/scheduler-service do them.
 */
import type { AdmissionDecision, RunSpec } from '@convergence/contracts';
import * as schedules from '@convergence/schedules';
import type { Admission, RunEnded } from './admission.ts';
import type { Agenda } from './agenda.ts';
import type { Chance } from './chance.ts';
import { WINDOW } from './fairness.ts';
import type { Faults } from './faults.ts';
import { type Invariants, LOOK_MS } from './invariants.ts';

const ROUND_MS = 50;
const ROUND_ITEMS = 200;
const FIRE_BATCH = 5000;

export class Scheduler {
  readonly #agenda: Agenda;
  readonly #chance: Chance;
  readonly #faults: Faults;
  readonly #invariants: Invariants;
  /** Runs that may be under way; the rest waits in the queue. */
  readonly #places: number;
  readonly #limits = schedules.DEFAULT_LIMITS;
  state = schedules.emptyState();
  readonly count = { fires: 0, skipped: 0, completed: 0, failed: 0, retries: 0, crashes: 0 };
  readonly waits: number[] = [];
  readonly lateness: number[] = [];
  #roundPlanned = false;
  /** After admission did not answer; above 0 until it does. */
  #pausedUntil = 0;

  constructor(agenda: Agenda, chance: Chance, faults: Faults, invariants: Invariants, places: number) {
    this.#agenda = agenda;
    this.#chance = chance;
    this.#faults = faults;
    this.#invariants = invariants;
    this.#places = places;
  }

  start(admission: Admission): void {
    const fire = (): void => {
      if ((this.state.due.earliest ?? Number.POSITIVE_INFINITY) <= this.#agenda.now) this.#fire(admission);
      const next = this.state.due.earliest ?? Number.POSITIVE_INFINITY;
      this.#agenda.after(Math.min(60_000, Math.max(5, next - this.#agenda.now)), fire);
    };
    fire();
    this.#agenda.every(1000, () => this.state.queue.waiting > 0 && this.#soon(admission));
    this.#agenda.every(30_000, () => {
      while ((this.ask({ type: 'sweep-queue' }) as schedules.SweepReply).more);
    });
    this.#agenda.every(LOOK_MS, () => this.#invariants.look(this.state));
    this.#faults.every(3 * 3_600_000, () => this.#crash());
  }

  ask(command: schedules.ScheduleCommand): unknown {
    const context = { now: this.#agenda.now, random: () => this.#chance.uuid(), limits: this.#limits };
    const decided = schedules.decide(this.state, command, context);
    if ('refusal' in decided) throw decided.refusal;
    for (const event of decided.events) {
      this.#invariants.happens(event, this.state);
      this.#figure(event);
      schedules.apply(this.state, event);
    }
    // Written by a checkpoint, in the real service.
    if (this.state.ended.size > 1000) this.state.ended.clear();
    return decided.reply;
  }

  finish({ run_id, ...end }: RunEnded, admission: Admission): void {
    this.ask({ type: 'finish-run', pipeline_logging_id: run_id, ...end });
    this.#soon(admission);
  }

  #figure(event: schedules.ScheduleEvent): void {
    const { now } = this.#agenda;
    const { count } = this;
    if (event.type === 'schedule-fired') {
      count.fires++;
      this.lateness.push(now - event.fire_time);
    }
    if (event.type === 'fire-skipped') count.skipped++;
    if (event.type === 'item-retried') count.retries++;
    if (event.type === 'item-ended') count[event.outcome === 'COMPLETED' ? 'completed' : 'failed']++;
    if (event.type === 'item-dispatched') {
      const item = this.state.queue.get(event.run_id);
      if (item) this.waits.push(now - Math.max(item.added_at, item.not_before));
    }
  }

  #fire(admission: Admission): void {
    let queued = 0;
    for (let more = true; more; ) {
      const reply = this.ask({ type: 'fire-due', limit: FIRE_BATCH }) as schedules.FireReply;
      queued += reply.queued;
      more = reply.more;
    }
    // A crowd comes: what follows is worth a window of its own.
    if (queued > WINDOW) this.#invariants.fairness.restart();
    // A doubled tick.
    if (this.#faults.strikes(0.05)) this.ask({ type: 'fire-due', limit: Number.POSITIVE_INFINITY });
    this.#soon(admission);
  }

  #soon(admission: Admission): void {
    if (this.#roundPlanned) return;
    this.#roundPlanned = true;
    this.#agenda.after(ROUND_MS, () => {
      this.#roundPlanned = false;
      this.#round(admission);
    });
  }

  #round(admission: Admission): void {
    const { now } = this.#agenda;
    const { queue } = this.state;
    if (now < this.#pausedUntil) return this.#invariants.noneCanGo();
    this.#invariants.fairness.look(this.state, now);
    const lost = schedules.lostClaims(this.state, now);
    const free = this.#places - (queue.size - queue.waiting);
    const picked = queue.pick(now, Math.max(0, Math.min(this.#pausedUntil > 0 ? 1 : ROUND_ITEMS, free)));
    if (picked.length >= free) this.#invariants.noneCanGo();
    if (picked.length + lost.length === 0) return;
    const claimed = this.ask({ type: 'claim-items', run_ids: [...lost, ...picked].map((item) => item.run_id) }) as readonly string[];
    // The scheduler dies with claims in hand: they are taken up again when their time is over.
    if (this.#faults.strikes(0.002)) return;
    const specs = claimed.map((id) => specOf(queue.get(id) as schedules.QueueItem));
    const decisions = admission.away ? [] : specs.map((run) => admission.tell({ kind: 'admit', run }) as AdmissionDecision);
    // Or with their answers in hand.
    if (this.#faults.strikes(0.002)) return;
    const answerLost = admission.away || this.#faults.strikes(0.01);
    if (answerLost) this.#invariants.noneCanGo();
    const results = specs.map(
      (spec, i): schedules.ClaimResult =>
        answerLost ? held(spec, 'admission_unavailable', now + 1000) : resultOf(spec, decisions[i] as AdmissionDecision),
    );
    this.ask({ type: 'settle-claims', results });
    this.#pausedUntil = answerLost ? now + 1000 : 0;
    this.#soon(admission);
  }

  /** What a new owner knows is what the tables say, and nothing else. */
  #crash(): void {
    this.count.crashes++;
    this.#invariants.noneCanGo();
    this.#invariants.fairness.restart();
    const before = this.state;
    const after = schedules.emptyState();
    for (const schedule of before.schedules.values())
      schedules.putSchedule(after, schedules.scheduleOf(schedules.scheduleRow(schedule), 0));
    for (const item of before.queue.items()) schedules.putItem(after, schedules.itemOf(schedules.queueRow(item, null)));
    for (const [id, standing] of before.tenants) schedules.putTenant(after, id, schedules.standingOf(schedules.tenantRow(id, standing)));
    this.state = after;
  }
}

const specOf = (item: schedules.QueueItem): RunSpec =>
  schedules.attemptOf(item, {
    provider: item.provider,
    domain: item.domain,
    template: item.pipeline_template,
    parameters: item.parameters,
    parameters_hash: JSON.stringify(item.parameters).padEnd(16, ' '),
    run_date: null,
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
