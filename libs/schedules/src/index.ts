export type { ClaimResult, ScheduleCommand } from './commands.ts';
export { type CronProblem, checkCron, DEFAULT_DST, type DstPolicy, nextFire, resolveCron, upcoming } from './cron.ts';
export { decide, lostClaims, type SweepReply } from './decide.ts';
export type { FireReply } from './decide-fire.ts';
export { type FieldProblem, invalidSchedule, problemsOf } from './decide-schedule.ts';
export type { DecideContext, Decided } from './decision.ts';
export type { EndReason, ScheduleEvent, SkipReason } from './events.ts';
export { FIRE_VARIABLES, resolveFireVariables } from './fire-variables.ts';
export { DEFAULT_LIMITS, type ScheduleLimits } from './limits.ts';
export {
  itemOf,
  type PlainRow,
  queueRow,
  scheduledRunRow,
  scheduleOf,
  scheduleRow,
  standingOf,
  type TenantStanding,
  tenantRow,
} from './rows.ts';
export { attemptOf } from './run-spec.ts';
export {
  attemptId,
  backfillRunId,
  dstPolicy,
  fireId,
  type Hold,
  type Lane,
  type Notice,
  pipelineIdOf,
  type QueueItem,
  type Schedule,
  type ScheduleSettings,
  scoreOf,
} from './schedule.ts';
export { apply, emptyState, putItem, putSchedule, putTenant, type SchedulesState } from './state.ts';
export { isZone, wallTime } from './zone.ts';
