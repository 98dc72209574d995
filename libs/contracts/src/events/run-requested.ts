import Type from 'typebox';
import { defineEvent } from './envelope.ts';
import { RunSpec, Timestamp } from './run.ts';

/** A run was admitted and its reservation journalled: somebody execute it. */
export const runRequested = defineEvent({
  name: 'run-requested',
  topic: 'run-requested',
  data: Type.Object({ ...RunSpec.properties, admitted_at: Timestamp }),
});
