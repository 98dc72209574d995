import Type from 'typebox';
import { defineEvent } from './envelope.ts';
import { RunError, RunIdentity, RunSpec, Timestamp } from './run.ts';

/** A run ended. Published once by the executor; a second one with the same run_id changes nothing. */
export const runCompleted = defineEvent({
  name: 'run-completed',
  topic: 'run-completed',
  bundled: true,
  data: Type.Object({
    ...RunIdentity,
    status: Type.Enum(['COMPLETE', 'FAILED', 'CANCELLED']),
    sequence: Type.Integer(),
    admitted_at: Timestamp,
    started_at: Type.Union([Timestamp, Type.Null()]),
    ended_at: Timestamp,
    /** False when no step got to do anything: the reservation is refunded, not settled. */
    did_work: Type.Boolean(),
    /** Whether the same run could succeed later without anybody changing anything. */
    retryable: Type.Boolean(),
    error: Type.Union([RunError, Type.Null()]),
    /** Of the template that the run ended in; absent when it was not an executor that ended it. */
    template_version: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
    template_hash: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    trigger_type: RunSpec.properties.trigger_type,
    scheduled_run_id: RunSpec.properties.scheduled_run_id,
  }),
});
