/** The bounds that keep one tenant, one schedule or one bad day from filling the queue. Configurable where a service is composed. */
export interface ScheduleLimits {
  readonly schedulesPerTenant: number;
  readonly backlogPerTenant: number;
  readonly timeToLiveMs: number;
  readonly backfillTimeToLiveMs: number;
  /** How many missed fires `catchup: all` brings back at most. */
  readonly catchupFires: number;
  /** A fire this late is still the fire, not a missed one. */
  readonly graceMs: number;
  readonly warnAfterFailures: number;
  readonly pauseAfterFailures: number;
  /** A claim that nobody settled is taken up again after this. */
  readonly claimMs: number;
  /** Claims in a row that nobody settled: the end of a poisoned item. */
  readonly unsettledClaims: number;
  readonly retryBaseMs: number;
  readonly retryMaximumMs: number;
  /** A closed gate is tried again after this, should the word that it opened have been lost. */
  readonly recheckMs: number;
  /** The same for a gate whose time is known, such as a quota's midnight: somebody may have raised the limit by hand. */
  readonly recheckKnownMs: number;
  readonly backfillDates: number;
}
export const DEFAULT_LIMITS: ScheduleLimits = {
  schedulesPerTenant: 500,
  backlogPerTenant: 1000,
  timeToLiveMs: 24 * 3_600_000,
  backfillTimeToLiveMs: 14 * 86_400_000,
  catchupFires: 100,
  graceMs: 5 * 60_000,
  warnAfterFailures: 20,
  pauseAfterFailures: 30,
  claimMs: 60_000,
  unsettledClaims: 10,
  retryBaseMs: 60_000,
  retryMaximumMs: 3_600_000,
  recheckMs: 60_000,
  recheckKnownMs: 900_000,
  backfillDates: 1000,
};
