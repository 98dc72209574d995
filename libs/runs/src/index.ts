export { backoffMs, type Retry } from './backoff.ts';
export { FairWaiting, type Waiting } from './fair-waiting.ts';
export { type NextMove, nextMove, type PlannedStep, type StepState, type StepStates, takenOver } from './plan.ts';
export {
  hasEnded,
  heardCompleted,
  heardProgress,
  heardRequested,
  newRecord,
  type RunRecord,
  readInTable,
  type StepRecord,
} from './run-record.ts';
