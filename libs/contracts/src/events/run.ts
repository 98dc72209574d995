import Type, { type Static } from 'typebox';
import { TENANT_ID_PATTERN, UUID_PATTERN } from '../ids.ts';

/** Words that every message about a run shares. */
export const TRIGGER_TYPES = ['api', 'scheduler', 'onboarding', 'backfill', 'retry'] as const;
export type TriggerType = (typeof TRIGGER_TYPES)[number];
export const RUN_STATUSES = ['PENDING', 'RUNNING', 'COMPLETE', 'FAILED', 'CANCELLED'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const RunIdentity = {
  run_id: Type.String({ pattern: UUID_PATTERN }),
  tenant_id: Type.String({ pattern: TENANT_ID_PATTERN }),
  pipeline_id: Type.String({ minLength: 1, maxLength: 200 }),
};
const nullable = <T extends ReturnType<typeof Type.String>>(t: T) => Type.Union([t, Type.Null()]);
export const Timestamp = Type.String({ format: 'date-time' });

/** All that is needed to execute a run; also what admission decides on. */
export const RunSpec = Type.Object({
  ...RunIdentity,
  provider: Type.String(),
  domain: Type.String(),
  template: Type.String(),
  parameters: Type.Record(Type.String(), Type.Unknown()),
  /** SHA-256 of the canonical parameters: with pipeline_id it says "the same run". */
  parameters_hash: Type.String({ minLength: 16 }),
  run_date: nullable(Type.String({ format: 'date' })),
  /**
   * Whose day {today} means, where it is not that of the admission: of a scheduled run its fire, as the clock stood where its schedule lives.
   * Attempts and retries mean the same.
   */
  as_of: Type.Optional(Type.String({ format: 'date-time' })),
  trigger_type: Type.Enum([...TRIGGER_TYPES]),
  trigger_by: nullable(Type.String()),
  user_id: nullable(Type.String()),
  lane: Type.Enum(['live', 'backfill']),
  /** The item of the scheduler's queue that asked, if one did. */
  scheduled_run_id: nullable(Type.String()),
  /** Set on a retry: the run whose completed steps may be taken over. */
  retry_of: nullable(Type.String({ pattern: UUID_PATTERN })),
  retry_from: nullable(Type.String()),
});
export type RunSpec = Static<typeof RunSpec>;

export const RunError = Type.Object({
  code: Type.String(),
  /** credential, permission, rate_limit, source_not_ready, schema, quota, data_quality, timeout, cancelled, lost, internal */
  class: Type.String(),
  message: Type.String(),
  hint: Type.Union([Type.String(), Type.Null()]),
  step: Type.Union([Type.String(), Type.Null()]),
});
export type RunError = Static<typeof RunError>;
