import { defineEvent } from './envelope.ts';
import { runRequested } from './run-requested.ts';

/** A run was admitted: for who keeps account of runs. Who executes it hears `run-requested`, one message a run. */
export const runAdmitted = defineEvent({
  name: 'run-admitted',
  topic: 'run-admitted',
  bundled: true,
  data: runRequested.data,
});
