import Type, { type Static } from 'typebox';
import { defineEvent } from './envelope.ts';
import { RunError, RunIdentity, Timestamp } from './run.ts';

const step = Type.Object({
  step_id: Type.String(),
  step_type: Type.String(),
  status: Type.Enum(['RUNNING', 'COMPLETE', 'FAILED', 'SKIPPED', 'CANCELLED']),
  attempt: Type.Integer(),
  rows_processed: Type.Union([Type.Integer(), Type.Null()]),
  error: Type.Union([RunError, Type.Null()]),
});

/** A run started, or one of its steps changed. `sequence` grows within a run, so a late or doubled one is seen for what it is. */
const ProgressReport = Type.Object({
  ...RunIdentity,
  sequence: Type.Integer({ minimum: 0 }),
  at: Timestamp,
  /** The run's own, so that whoever records it knows the row's partition. */
  admitted_at: Timestamp,
  kind: Type.Enum(['started', 'step']),
  step: Type.Union([step, Type.Null()]),
  template_version: Type.Union([Type.Integer(), Type.Null()]),
  template_hash: Type.Union([Type.String(), Type.Null()]),
});
export type ProgressReport = Static<typeof ProgressReport>;

/** What the runs of one executor did in the last moment, in order: more runs make larger messages, not more of them. */
export const runProgress = defineEvent({
  name: 'run-progress',
  topic: 'run-progress',
  data: Type.Object({ executor: Type.String(), reports: Type.Array(ProgressReport, { minItems: 1 }) }),
  orderingKey: (data) => data.executor,
});

/** Once a minute an executor names all runs that it is still working on: their leases live on. */
export const runHeartbeat = defineEvent({
  name: 'run-heartbeat',
  topic: 'run-progress',
  data: Type.Object({ executor: Type.String(), at: Timestamp, run_ids: Type.Array(Type.String()) }),
});
