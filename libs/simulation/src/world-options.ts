export interface WorldOptions {
  readonly seed: number;
  readonly tenants: number;
  readonly schedulesPerTenant: number;
  /** More tenants, of all plans, that once a day want more at one minute than anybody can give. */
  readonly crowd: number;
  readonly days: number;
  readonly start: number;
  /** Runs that executors work on at a time; the rest waits in the queue. */
  readonly places: number;
  readonly faults: boolean;
}
