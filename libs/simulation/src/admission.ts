/**
 * tenant-service and its executors, as the simulation plays them: the real decisions of admission, and workers that take a while,
 * succeed mostly, and sometimes die without a word.
 */
import type { RunSpec } from '@convergence/contracts';
import * as tenants from '@convergence/tenants';
import type { Agenda } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { Faults } from './faults.ts';
import type { Invariants } from './invariants.ts';

export interface RunEnded {
  readonly run_id: string;
  readonly tenant_id: string;
  readonly status: 'COMPLETE' | 'FAILED';
  readonly retryable: boolean;
  readonly error: string | null;
}

const SWEEP_MS = 10 * 60_000;
const DAY = 86_400_000;

export class Admission {
  readonly state = tenants.initialState();
  readonly #agenda: Agenda;
  readonly #chance: Chance;
  readonly #faults: Faults;
  readonly #invariants: Invariants;
  /** What the scheduler hears. */
  readonly #heard: (end: RunEnded) => void;
  /** A redelivered run goes on where it stands, so it ends once, whoever works on it. */
  readonly #working = new Set<string>();
  #sequence = 0;
  #awayUntil = 0;
  admitted = 0;

  constructor(agenda: Agenda, chance: Chance, faults: Faults, invariants: Invariants, heard: (end: RunEnded) => void) {
    this.#agenda = agenda;
    this.#chance = chance;
    this.#faults = faults;
    this.#invariants = invariants;
    this.#heard = heard;
  }

  start(days: number): void {
    const { now } = this.#agenda;
    this.#agenda.every(SWEEP_MS, () => this.tell({ kind: 'sweep-orphans', older_than_minutes: 60 }));
    for (let day = 1; day <= days + 1; day++) this.#agenda.at(now - (now % DAY) + day * DAY, () => this.tell({ kind: 'reset-quotas' }));
    this.#faults.every(5 * 3_600_000, () => {
      this.#awayUntil = this.#agenda.now + this.#chance.between(10_000, 600_000);
    });
  }

  get away(): boolean {
    return this.#agenda.now < this.#awayUntil;
  }

  tell(command: tenants.TenantCommand): unknown {
    const decided = tenants.decide(this.state, command, { now: this.#agenda.now });
    if ('refusal' in decided) throw decided.refusal;
    for (const event of decided.events) {
      tenants.apply(this.state, event, { sequence: ++this.#sequence, at: new Date(this.#agenda.now).toISOString() } as never);
      if (event.type === 'run_admitted') this.#admitted(event.run);
      if (event.type === 'run_ended' || event.type === 'run_orphaned') this.#written(event.run_id);
      if (event.type === 'run_orphaned') {
        const { run_id, tenant_id } = event;
        this.#hear({ run_id, tenant_id, status: 'FAILED', retryable: true, error: 'lost' });
      }
    }
    return decided.reply;
  }

  /** By a checkpoint, in the real service: from then on an ended run may be forgotten. */
  #written(runId: string): void {
    this.state.ended.noteWritten(runId);
  }

  #admitted(run: RunSpec): void {
    this.admitted++;
    const tenant = this.state.tenants.get(run.tenant_id as never);
    if (!tenant) throw new Error(`no tenant ${run.tenant_id}`);
    this.#invariants.admitted(run, tenant);
    this.#faults.deliver(() => this.#execute(run));
  }

  #execute({ run_id, tenant_id }: RunSpec): void {
    if (this.#working.has(run_id)) return;
    this.#working.add(run_id);
    this.tell({ kind: 'start-run', run_id, started_at: new Date(this.#agenda.now).toISOString() });
    // The worker dies and nobody takes over: no word ever comes.
    if (this.#faults.strikes(0.0005)) return;
    const status = this.#chance.chance(0.93) ? 'COMPLETE' : 'FAILED';
    const retryable = this.#chance.chance(0.7);
    // Now and then longer than a claim of the scheduler lives.
    const duration = this.#chance.chance(0.02) ? this.#chance.between(60_000, 300_000) : this.#chance.between(500, 20_000);
    this.#agenda.after(duration, () => {
      const ended_at = new Date(this.#agenda.now).toISOString();
      this.#faults.deliver(() => this.tell({ kind: 'end-run', run_id, status, did_work: true, ended_at }));
      this.#hear({ run_id, tenant_id, status, retryable, error: null });
    });
  }

  #hear(end: RunEnded): void {
    this.#faults.deliver(() => this.#heard(end));
  }
}
