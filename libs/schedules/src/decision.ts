import type { Refusal } from '@convergence/contracts';
import type { ScheduleEvent } from './events.ts';
import type { ScheduleLimits } from './limits.ts';

/** What decides may look at besides the state. */
export interface DecideContext {
  readonly now: number;
  /** A fresh UUID. */
  random(): string;
  readonly limits: ScheduleLimits;
}
export type Decided = { readonly events: readonly ScheduleEvent[]; readonly reply?: unknown } | { readonly refusal: Refusal };
