/** A local-cloud of its own with many schedules in it, and the slice of scheduler-service on it in this process. */
import { googleJournalStore, googleWarehouse, hostsFrom } from '@convergence/google';
import { DEFAULT_LIMITS, type ScheduleCommand } from '@convergence/schedules';
import { systemClock } from '@convergence/service';
import { startLocalCloud } from '@convergence/testing';
import { type SchedulesSlice, schedulesDefinition } from '../../../apps/scheduler-service/src/definition.ts';
import { provisionedCell } from '../../../apps/scheduler-service/src/testing/scheduler-process.ts';
import { benchSlice, NEVER } from './bench-slice.ts';

const SCHEDULES_OF_A_TENANT = 10;
const AT_ONCE = 5000;
export const limits = { ...DEFAULT_LIMITS, backlogPerTenant: 1_000_000, timeToLiveMs: 1000 * 86_400_000 };
export type SchedulerCell = Awaited<ReturnType<typeof schedulerCell>>;

export async function schedulerCell() {
  const cloud = await startLocalCloud();
  const cell = await provisionedCell(cloud.env);
  const google = { project: 'convergence-local', location: 'US', hosts: hostsFrom(cloud.env) };
  const warehouse = googleWarehouse(google);
  const journal = googleJournalStore(google, warehouse, { dataset: 'tenants', name: 'scheduler_journal' });
  let ahead = 0;
  const clock = { ...systemClock, now: () => Date.now() + ahead };
  return {
    env: cloud.env,
    bus: cell.bus,
    clock,
    moveTo(time: number) {
      ahead = time - Date.now();
    },
    /** Checkpoints when asked to. */
    open: (): Promise<SchedulesSlice> =>
      benchSlice({ definition: schedulesDefinition(limits), warehouse, journal, clock, checkpointSeconds: NEVER }),
    /** Statements of BigQuery so far, and appends of its Storage Write API. */
    async statements(): Promise<{ queries: number; appends: number }> {
      const stats = (await (await fetch(`${cloud.env.BIGQUERY_EMULATOR_HOST}/__stats`)).json()) as {
        entries: { measures: { statements?: number; appends?: number } }[];
      };
      const sum = (name: 'statements' | 'appends') => stats.entries.reduce((total, { measures }) => total + (measures[name] ?? 0), 0);
      return { queries: sum('statements'), appends: sum('appends') };
    },
    async close() {
      await Promise.all([warehouse.close(), journal.close(), cell.close()]);
      await cloud.stop();
    },
  };
}

export const configId = (n: number): string => `schedule-${n}`;
export const tenantOf = (n: number): string => `tenant_${Math.floor(n / SCHEDULES_OF_A_TENANT)}`;

/** Of plans in turn. None fires by itself while this measures, unless its cron says so. */
export async function fill(slice: SchedulesSlice, schedules: number, cronOf: (n: number) => string): Promise<void> {
  for (let from = 0; from < schedules; from += AT_ONCE) {
    const commands = Array.from({ length: Math.min(AT_ONCE, schedules - from) }, (_, i): ScheduleCommand => {
      const n = from + i;
      return {
        type: 'create-schedule',
        config_id: configId(n),
        tenant_id: tenantOf(n),
        provider: 'GCP',
        domain: 'EXAMPLE',
        pipeline_template: 'dryrun',
        settings: {
          schedule_cron: cronOf(n),
          timezone: 'UTC',
          is_active: true,
          priority: (n % 10) + 1,
          parameters: { date: '{yesterday}' },
          max_retries: 3,
          catchup: 'latest',
          overlap: 'allow',
          dst: 'shift',
        },
      };
    });
    await slice.executeMany(commands);
  }
  const tenants = Array.from({ length: Math.ceil(schedules / SCHEDULES_OF_A_TENANT) }, (_, t): ScheduleCommand => {
    const weight = [1, 2, 4][t % 3] as number;
    return { type: 'note-tenant', tenant_id: `tenant_${t}`, status: 'ACTIVE', weight };
  });
  await slice.executeMany(tenants);
}
