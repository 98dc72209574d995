import { baseFields, type Config, decimal, integer, text, url } from '@convergence/service';

export const schedulerFields = {
  ...baseFields(8082),
  tenantServiceUrl: url('TENANT_SERVICE_URL', { default: 'http://127.0.0.1:8081', example: 'https://tenant-service-abc.a.run.app' }),
  configsDir: text('CONFIGS_DIR', { default: 'configs', example: './configs' }),
  refreshSeconds: decimal('REFRESH_SECONDS', { default: 15, max: 3600 }),
  checkpointSeconds: decimal('CHECKPOINT_SECONDS', { default: 5, max: 3600 }),
  maxInFlight: integer('MAX_IN_FLIGHT', { default: 500, min: 1, max: 100_000 }),
  schedulesPerTenant: integer('SCHEDULES_PER_TENANT', { default: 500, min: 1, max: 100_000 }),
  backlogPerTenant: integer('BACKLOG_PER_TENANT', { default: 1000, min: 1, max: 100_000 }),
  queueHours: decimal('QUEUE_HOURS', { default: 24, max: 24 * 30 }),
  warnAfterFailures: integer('WARN_AFTER_FAILURES', { default: 20, min: 1, max: 10_000 }),
  pauseAfterFailures: integer('PAUSE_AFTER_FAILURES', { default: 30, min: 1, max: 10_000 }),
} as const;
export type SchedulerConfig = Config<typeof schedulerFields>;
