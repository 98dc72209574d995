import Type, { type Static } from 'typebox';
import { orphanSweep, queueTick, quotaReset, scheduleTick } from '../events/ticks.ts';

/**
 * The four ticks asked for synchronously: POST to the owner with the event's own data, answered with the figures that the
 * public operation of the same meaning declares. The event itself is published too, so the work is done even when nobody
 * answered; the handler is the same, so whichever comes second finds nothing left to do.
 */
export const TICK_ENDPOINTS = {
  schedule: { path: '/internal/ticks/schedule', owner: 'scheduler-service', event: scheduleTick },
  queue: { path: '/internal/ticks/queue', owner: 'scheduler-service', event: queueTick },
  quotaReset: { path: '/internal/ticks/quota-reset', owner: 'tenant-service', event: quotaReset },
  orphanSweep: { path: '/internal/ticks/orphan-sweep', owner: 'tenant-service', event: orphanSweep },
} as const;

/**
 * GET /internal/runs/{run_id}/why at tenant-, scheduler- and executor-service: each names the gates it holds. A gate is
 * `open` (nothing in the way), `closed` (the run waits here) or `passed`.
 */
export const Gate = Type.Object({
  /** daily_quota, monthly_quota, concurrency, same_pipeline, tenant_status, queue_position, backoff, worker_capacity... */
  gate: Type.String(),
  state: Type.Enum(['open', 'closed', 'passed']),
  value: Type.Union([Type.Number(), Type.String(), Type.Null()]),
  limit: Type.Union([Type.Number(), Type.String(), Type.Null()]),
  since: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  /** When it is expected to open; null when nobody can tell. */
  expected: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  detail: Type.String(),
});
export type Gate = Static<typeof Gate>;
export const WhyPart = Type.Object({
  /** null: this service does not know the run. */
  tenant_id: Type.Union([Type.String(), Type.Null()]),
  status: Type.Union([Type.String(), Type.Null()]),
  gates: Type.Array(Gate),
});
export type WhyPart = Static<typeof WhyPart>;
