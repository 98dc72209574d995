import Type from 'typebox';
import { defineEvent } from './envelope.ts';
import { RunIdentity, Timestamp } from './run.ts';

/** Somebody wants a run stopped: whoever executes it aborts. Every executor hears it; with `admitted_at` it is kept for those that come later. */
export const runCancelled = defineEvent({
  name: 'run-cancelled',
  topic: 'run-cancelled',
  data: Type.Object({ ...RunIdentity, at: Timestamp, by: Type.String(), reason: Type.String(), admitted_at: Type.Optional(Timestamp) }),
});
