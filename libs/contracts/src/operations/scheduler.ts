import Type, { type Static } from 'typebox';
import { Gate } from '../internal/ticks.ts';
import { defineOperation } from '../operation.ts';
import { nullable, TimeField } from './fields.ts';

/** What Cloud Scheduler and operators call. The gateway publishes the tick and answers with the owner's figures. */
const Reason = Type.Object({ config_id: Type.String(), tenant_id: Type.String(), reason: Type.String() });

export const TriggerAnswer = Type.Object({
  triggered_count: Type.Integer(),
  queued_count: Type.Integer(),
  skipped_count: Type.Integer(),
  next_trigger_time: TimeField,
  details: Type.Object({ limit: Type.Integer(), due_pipelines_found: Type.Integer(), skipped: Type.Array(Reason) }),
});
export type TriggerAnswer = Static<typeof TriggerAnswer>;

const Started = Type.Object({ pipeline_logging_id: Type.String(), tenant_id: Type.String(), pipeline_id: Type.String() });
export const ProcessQueueAnswer = Type.Object({
  processed: Type.Boolean(),
  processed_count: Type.Integer(),
  status: Type.Enum(['PROCESSING', 'IDLE']),
  message: Type.String(),
  /** Of the first run that started; absent when none did. */
  ...Type.Partial(Started).properties,
  runs: Type.Array(Started),
});
export type ProcessQueueAnswer = Static<typeof ProcessQueueAnswer>;

export const ResetQuotasAnswer = Type.Object({
  status: Type.Literal('success'),
  records_updated: Type.Integer(),
  records_archived: Type.Integer(),
  message: Type.String(),
  executed_at: TimeField,
});
export type ResetQuotasAnswer = Static<typeof ResetQuotasAnswer>;

export const CleanupAnswer = Type.Object({
  cleaned_count: Type.Integer(),
  runs: Type.Array(
    Type.Object({
      run_id: Type.String(),
      tenant_id: Type.String(),
      pipeline_id: Type.String(),
      last_heartbeat_at: nullable(TimeField),
    }),
  ),
  message: Type.String(),
});
export type CleanupAnswer = Static<typeof CleanupAnswer>;

export const SchedulerStatus = Type.Object({
  total_active_pipelines: Type.Integer(),
  pipelines_due_now: Type.Integer(),
  pipelines_queued: Type.Integer(),
  pipelines_running: Type.Integer(),
  pipelines_completed_today: Type.Integer(),
  pipelines_failed_today: Type.Integer(),
  oldest_queued_seconds: nullable(Type.Number()),
  last_trigger_time: nullable(TimeField),
});
export type SchedulerStatus = Static<typeof SchedulerStatus>;

export const QueueItem = Type.Object({
  run_id: Type.String(),
  config_id: nullable(Type.String()),
  tenant_id: Type.String(),
  pipeline_id: Type.String(),
  state: Type.Enum(['QUEUED', 'PROCESSING']),
  lane: Type.Enum(['live', 'backfill']),
  priority: Type.Integer(),
  scheduled_time: TimeField,
  added_at: TimeField,
  /** 1 = next. */
  position: Type.Integer(),
  attempts: Type.Integer(),
  not_before: nullable(TimeField),
  /** Why it waits and until when, when it does. */
  waiting: nullable(Type.Omit(Gate, ['state'])),
});
export type QueueItem = Static<typeof QueueItem>;

const closed = { additionalProperties: false } as const;
const tick = { method: 'POST', auth: 'admin', errors: ['owner.changing', 'service.unavailable'] } as const;

export const schedulerTrigger = defineOperation({
  ...tick,
  id: 'scheduler.trigger',
  path: '/api/v1/scheduler/trigger',
  summary: 'Queue what is due; on a healthy day the service itself did already',
  owner: 'gateway',
  query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 100 })) }, closed),
  response: TriggerAnswer,
});
export const schedulerProcessQueue = defineOperation({
  ...tick,
  id: 'scheduler.process-queue',
  path: '/api/v1/scheduler/process-queue',
  summary: 'Start queued runs as far as limits allow',
  owner: 'gateway',
  query: Type.Object({ max: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })) }, closed),
  response: ProcessQueueAnswer,
});
export const schedulerResetDailyQuotas = defineOperation({
  ...tick,
  id: 'scheduler.reset-daily-quotas',
  path: '/api/v1/scheduler/reset-daily-quotas',
  summary: 'Open the new day; twice in a day changes nothing',
  owner: 'gateway',
  query: Type.Object({}, closed),
  response: ResetQuotasAnswer,
});
export const schedulerCleanupOrphanedPipelines = defineOperation({
  ...tick,
  id: 'scheduler.cleanup-orphaned-pipelines',
  path: '/api/v1/scheduler/cleanup-orphaned-pipelines',
  summary: 'Fail runs that nobody works on and free their places',
  owner: 'gateway',
  query: Type.Object({ older_than_minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_080, default: 60 })) }, closed),
  response: CleanupAnswer,
});
export const schedulerStatus = defineOperation({
  id: 'scheduler.status',
  method: 'GET',
  path: '/api/v1/scheduler/status',
  summary: 'How schedules and queue are doing',
  owner: 'scheduler-service',
  auth: 'admin',
  query: Type.Object({}, closed),
  response: SchedulerStatus,
  errors: [],
});
export const schedulerQueue = defineOperation({
  id: 'scheduler.queue',
  method: 'GET',
  path: '/api/v1/scheduler/queue',
  summary: 'The queue in dispatch order, with each reason for waiting',
  owner: 'scheduler-service',
  auth: 'admin',
  query: Type.Object(
    {
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })),
      cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
      tenant_id: Type.Optional(Type.String({ maxLength: 50 })),
    },
    closed,
  ),
  response: Type.Object({ items: Type.Array(QueueItem), next_cursor: nullable(Type.String()) }),
  errors: [],
});
