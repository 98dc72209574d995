import { runAdmitted } from './run-admitted.ts';
import { runCancelled } from './run-cancelled.ts';
import { runCompleted } from './run-completed.ts';
import { runHeartbeat, runProgress } from './run-progress.ts';
import { runRequested } from './run-requested.ts';
import { tenantChanged } from './tenant-changed.ts';
import { orphanSweep, queueTick, quotaReset, scheduleTick } from './ticks.ts';

export const EVENTS = [
  runRequested,
  runAdmitted,
  runProgress,
  runHeartbeat,
  runCompleted,
  runCancelled,
  tenantChanged,
  scheduleTick,
  queueTick,
  quotaReset,
  orphanSweep,
] as const;
