/**
 * The whole of admission, schedules and queue in one process under a virtual clock: the real decisions of both slices,
 * model executors, and a network that loses, doubles, delays and reorders. No I/O, no real time. The same options play the same
 * world to the last event; what must hold in it is in invariants.ts.
 */
import { DEFAULT_LIMITS } from '@convergence/schedules';
import { Admission } from './admission.ts';
import { Agenda } from './agenda.ts';
import { Chance } from './chance.ts';
import { Faults } from './faults.ts';
import { Invariants } from './invariants.ts';
import { population } from './population.ts';
import { Scheduler } from './scheduler.ts';
import type { WorldOptions } from './world-options.ts';

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
  /** Stretches of a thousand dispatches in which some always had work, and the largest error of a share. */
  readonly fairnessWindows: number;
  readonly fairnessWorst: number;
}

const DAY = 86_400_000;

export class World {
  readonly #options: WorldOptions;
  readonly #chance: Chance;
  readonly #agenda: Agenda;
  readonly #faults: Faults;
  readonly #invariants: Invariants;
  readonly #admission: Admission;
  readonly #scheduler: Scheduler;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#chance = new Chance(options.seed);
    this.#agenda = new Agenda(options.start);
    this.#faults = new Faults(this.#agenda, this.#chance, options.faults);
    this.#invariants = new Invariants(options.seed, () => this.#agenda.now);
    this.#scheduler = new Scheduler(this.#agenda, this.#chance, this.#faults, this.#invariants, options.places);
    const hear = (end: Parameters<Scheduler['finish']>[0]) => this.#scheduler.finish(end, this.#admission);
    this.#admission = new Admission(this.#agenda, this.#chance, this.#faults, this.#invariants, hear);
  }

  run(): Figures {
    const { days, start } = this.#options;
    for (const { onboard, limits, standing, create } of population(this.#options, this.#chance)) {
      this.#admission.tell(onboard);
      if (limits) this.#admission.tell(limits);
      this.#scheduler.ask(standing);
      for (const command of create) this.#scheduler.ask(command);
    }
    this.#scheduler.start(this.#admission);
    this.#admission.start(days);
    this.#agenda.run(start + days * DAY);
    this.#calm();
    return {
      ...this.#scheduler.count,
      admitted: this.#admission.admitted,
      faults: this.#faults.count,
      steps: this.#agenda.done,
      waitP99Seconds: quantile(this.#scheduler.waits, 0.99) / 1000,
      latenessP99Ms: quantile(this.#scheduler.lateness, 0.99),
      fairnessWindows: this.#invariants.fairness.windows,
      fairnessWorst: Number(this.#invariants.fairness.worst.toFixed(4)),
    };
  }

  /** Faults stop, schedules too: what is under way must come to its end by itself. */
  #calm(): void {
    this.#faults.cease();
    for (const schedule of [...this.#scheduler.state.schedules.values()])
      if (schedule.is_active) this.#scheduler.ask({ type: 'disable-schedule', config_id: schedule.config_id });
    this.#agenda.run(this.#agenda.now + DEFAULT_LIMITS.timeToLiveMs + 3 * 3_600_000);
    this.#invariants.ended(this.#scheduler.state, this.#admission.state);
  }
}

function quantile(values: number[], q: number): number {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0;
}
