/**
 * The slice of schedules: what libs/schedules decides, and the tables that show it. Nothing here decides anything.
 */
import {
  apply,
  decide,
  emptyState,
  itemOf,
  type PlainRow,
  putItem,
  putSchedule,
  putTenant,
  queueRow,
  type ScheduleCommand,
  type ScheduleEvent,
  type ScheduleLimits,
  type SchedulesState,
  scheduledRunRow,
  scheduleOf,
  scheduleRow,
  standingOf,
  tenantRow,
} from '@convergence/schedules';
import { type Slice, type SliceDefinition, type TableProjection, tableKey } from '@convergence/slice';
import { pipelineExecutionQueue, SLICES, scheduledPipelineRuns, schedulerTenants, tenantPipelineConfigs } from '@convergence/tables';

export type SchedulesSlice = Slice<SchedulesState, ScheduleCommand>;
export type SchedulesDefinition = SliceDefinition<SchedulesState, ScheduleCommand, ScheduleEvent>;
type Projection = TableProjection<SchedulesState, ScheduleCommand, ScheduleEvent>;

export const schedulesDefinition = (limits: ScheduleLimits): SchedulesDefinition => ({
  name: SLICES['scheduler-service'],
  initial: emptyState,
  decide: (state, command, context) => {
    const decided = decide(state, command, { now: context.now, random: context.random, limits });
    return 'refusal' in decided ? decided : { events: decided.events, reply: decided.reply };
  },
  apply,
  subject: (event) => (event.type === 'schedule-created' ? event.schedule.tenant_id : event.tenant_id),
  outbox: () => [],
  tables: [configs, queue, runs, tenants],
});

const configs: Projection = {
  table: tenantPipelineConfigs,
  key: ['config_id'],
  touches(event, state) {
    if (event.type === 'schedule-created') return [tableKey(event.schedule.config_id)];
    if (event.type === 'item-ended') return tableKeyOf(state.queue.get(event.run_id)?.config_id);
    return CHANGES_SCHEDULE.has(event.type) && 'config_id' in event ? tableKeyOf(event.config_id) : [];
  },
  row(state, key) {
    const schedule = state.schedules.get(key);
    return schedule && scheduleRow(schedule);
  },
  load(state, rows) {
    for (const row of rows) putSchedule(state, scheduleOf(row, 0));
  },
  all: (state) => state.schedules,
  /** Whoever deletes a schedule does not want it to fire. */
  deleted: (_state, config_id) => [{ type: 'disable-schedule', config_id }],
  /** An operator switched a schedule on or off, moved its next run, changed its cron, or inserted one. */
  adopt(state, row) {
    const edited = scheduleOf(row, Date.parse(String(row.updated_at ?? row.created_at ?? 0)) || 0);
    const { schedule_cron, timezone, is_active, priority, parameters, max_retries, catchup, overlap, dst } = edited;
    const settings = { schedule_cron, timezone, is_active, priority, parameters, max_retries, catchup, overlap, dst };
    const known = state.schedules.get(edited.config_id);
    if (!known) {
      const { config_id, tenant_id, provider, domain, pipeline_template } = edited;
      const moved = edited.next_run_time === null ? {} : { next_run_time: edited.next_run_time };
      return [{ type: 'create-schedule', config_id, tenant_id, provider, domain, pipeline_template, settings, ...moved }];
    }
    const changes = Object.fromEntries(
      Object.entries(settings).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name as keyof typeof settings])),
    );
    const moved = edited.next_run_time !== null && edited.next_run_time !== known.next_run_time;
    if (Object.keys(changes).length === 0 && !moved) return [];
    return [
      { type: 'change-schedule', config_id: edited.config_id, changes, ...(moved && { next_run_time: edited.next_run_time as number }) },
    ];
  },
};

const queue: Projection = {
  table: pipelineExecutionQueue,
  key: ['run_id'],
  touches: runsOf,
  row(state, key) {
    const item = state.queue.get(key);
    if (!item) return undefined;
    const cap = item.backfill_id ? (state.backfills.get(item.backfill_id)?.max_concurrent ?? null) : null;
    return queueRow(item, cap, state.queue.holdOf(item.tenant_id));
  },
  load(state, rows) {
    for (const row of rows) {
      const item = itemOf(row);
      if (item.backfill_id && !state.backfills.has(item.backfill_id)) {
        const max_concurrent = Number(row.backfill_max_concurrent ?? 1);
        state.backfills.set(item.backfill_id, { tenant_id: item.tenant_id, max_concurrent, remaining: 0 });
        state.queue.setBackfillCap(item.backfill_id, max_concurrent);
      }
      putItem(state, item);
    }
  },
};

const runs: Projection = {
  table: scheduledPipelineRuns,
  key: ['run_id'],
  touches: runsOf,
  row(state, key) {
    const item = state.queue.get(key);
    return item ? scheduledRunRow(item) : (state.ended.get(key) ?? null);
  },
  /** None: live runs come back with their queue rows, ended ones are history. But a last row that the table may lack comes here. */
  loadWhere: 'FALSE',
  load(state, rows) {
    for (const row of rows) if (row.end_reason) state.ended.set(tableKey(String(row.run_id)), row as PlainRow);
  },
  history: {
    closed: (state, key) => state.ended.has(key),
    forget: (state, key) => void state.ended.delete(key),
  },
};

const tenants: Projection = {
  table: schedulerTenants,
  key: ['tenant_id'],
  touches: (event) => (event.type === 'tenant-noted' || event.type === 'item-ended' ? [tableKey(event.tenant_id)] : []),
  row(state, key) {
    const standing = state.tenants.get(key);
    return standing && tenantRow(key, standing);
  },
  load(state, rows) {
    for (const row of rows) putTenant(state, String(row.tenant_id), standingOf(row));
  },
};

const CHANGES_SCHEDULE: ReadonlySet<ScheduleEvent['type']> = new Set([
  'schedule-changed',
  'schedule-paused',
  'schedule-warned',
  'schedule-advanced',
  'schedule-fired',
  'notice-sent',
]);
const tableKeyOf = (configId: string | null | undefined): readonly string[] => (configId ? [tableKey(configId)] : []);

function runsOf(event: ScheduleEvent): readonly string[] {
  if (event.type === 'backfill-requested') return event.items.map((item) => tableKey(item.run_id));
  return 'run_id' in event ? [tableKey(event.run_id)] : [];
}
