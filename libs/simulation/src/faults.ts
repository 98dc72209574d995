import type { Agenda } from './agenda.ts';
import type { Chance } from './chance.ts';

/** What a network and machines do: messages late and doubled, answers lost, processes killed. Nothing strikes once `cease` was called. */
export class Faults {
  readonly #agenda: Agenda;
  readonly #chance: Chance;
  #on: boolean;
  count = 0;

  constructor(agenda: Agenda, chance: Chance, on: boolean) {
    this.#agenda = agenda;
    this.#chance = chance;
    this.#on = on;
  }

  cease(): void {
    this.#on = false;
  }

  strikes(probability: number): boolean {
    const strikes = this.#on && this.#chance.chance(probability);
    if (strikes) this.count++;
    return strikes;
  }

  /** For faults that come by the clock. */
  every(milliseconds: number, act: () => void): void {
    if (!this.#on) return;
    this.#agenda.every(milliseconds, () => {
      if (!this.#on) return;
      this.count++;
      act();
    });
  }

  /** A message: soon, now and then late or twice. */
  deliver(act: () => void): void {
    const delay = (): number => (this.strikes(0.01) ? this.#chance.between(1000, 60_000) : this.#chance.between(2, 30));
    this.#agenda.after(delay(), act);
    if (this.strikes(0.02)) this.#agenda.after(delay() + this.#chance.between(0, 90_000), act);
  }
}
