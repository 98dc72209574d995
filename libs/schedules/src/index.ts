export type { ClaimResult, ScheduleCommand } from './commands.ts';
export { type CronProblem, checkCron, DEFAULT_DST, type DstPolicy, nextFire, resolveCron, upcoming } from './cron.ts';
export { type DecideContext, type Decided, decide, lostClaims } from './decide.ts';
export type { FireReply } from './decide-fire.ts';
export type { EndReason, ScheduleEvent, SkipReason } from './events.ts';
export { FIRE_VARIABLES, resolveFireVariables } from './fire-variables.ts';
export { DEFAULT_LIMITS, type ScheduleLimits } from './limits.ts';
export { itemOf, queueRow, scheduledRunRow, scheduleOf, scheduleRow } from './rows.ts';
export {
  attemptId,
  dstPolicy,
  fireId,
  type Hold,
  idOf,
  type Lane,
  pipelineIdOf,
  type QueueItem,
  type Schedule,
  type ScheduleSettings,
  scoreOf,
} from './schedule.ts';
export { apply, type EndedItem, emptyState, putItem, putSchedule, type SchedulesState } from './state.ts';
export { wallTime } from './zone.ts';
