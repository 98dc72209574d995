/**
 * executor-service: takes up admitted runs, carries their steps through, tells and records how they went, answers who asks.
 */
import type { TemplateCatalogue } from '@convergence/pipelines';
import type { Bus, Clock, Keys, Warehouse } from '@convergence/ports';
import { hasEnded } from '@convergence/runs';
import type { BuildContext, Built } from '@convergence/service';
import type { Credential, Messenger } from '@convergence/steps';
import { OPERATIONAL_TABLES } from '@convergence/tables';
import type { ExecutorConfig } from './config.ts';
import { Announcer } from './execution/announcer.ts';
import { crashPoints } from './execution/crash-points.ts';
import type { ExecutionTools } from './execution/execution-tools.ts';
import { Lately } from './execution/lately.ts';
import { ProgressReports } from './execution/progress-reports.ts';
import { runContexts } from './execution/run-context.ts';
import { executeRun } from './execution/run-execution.ts';
import { StepLog } from './execution/step-log.ts';
import { templateVersions } from './execution/template-versions.ts';
import type { Executor } from './executor.ts';
import { subscriptions } from './handlers/handlers.ts';
import { startHeartbeat } from './heartbeat.ts';
import { cancelWhereAsked, startCatchingUp } from './index/catching-up.ts';
import { LargePages } from './index/large-pages.ts';
import { LiveEvents } from './index/live-events.ts';
import { RunIndex } from './index/run-index.ts';
import { RunTable } from './index/run-table.ts';
import { Runs } from './index/runs.ts';
import type { OpenObjectStore } from './object-stores/object-stores.ts';
import { completing } from './operational-tables.ts';
import { Recorder } from './record/recorder.ts';
import { routes } from './routes/routes.ts';
import { Worker } from './worker.ts';

export interface ExecutorParts {
  readonly bus: Bus;
  readonly warehouse: Warehouse;
  readonly warehouseOf: (credential: Credential) => Warehouse;
  readonly keys: Keys;
  readonly templates: TemplateCatalogue;
  readonly objectStore: OpenObjectStore;
  readonly messenger: Messenger;
  /** For addresses that tenants name. */
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly instance: string;
  /** Makes the central table, where this service may. */
  readonly provision: () => Promise<void>;
}

export function executorService(context: BuildContext<ExecutorConfig>, parts: ExecutorParts): Built {
  const { config, log, name, metrics, draining } = context;
  const { bus, clock, keys, templates, instance } = parts;
  const warehouse = completing(parts.warehouse, OPERATIONAL_TABLES);
  const tenantService = context.client('tenant-service', config.tenantServiceUrl);
  const contexts = runContexts(tenantService, clock);
  const index = new RunIndex(config.indexedRuns);
  const table = new RunTable(warehouse, config.dataset);
  const recorder = new Recorder(warehouse, config.dataset, clock, config.recordSeconds);
  const live = new LiveEvents(() => clock.now());
  const startedAt = clock.now();
  const lately = new Lately(clock);
  const progress = new ProgressReports({ bus, clock, log, source: name }, instance);
  const tools: ExecutionTools = {
    ...parts,
    warehouse,
    progress,
    lately,
    random: Math.random,
    log,
    source: name,
    environment: config.environment,
    location: config.location,
    contexts,
    keys,
    stepLog: new StepLog(warehouse),
    versions: templateVersions(warehouse, config.dataset, (source) => templates.read(source), clock),
    recordOf: async (runId) => index.get(runId) ?? (await table.get(runId)),
    crashPoint: crashPoints(context.local ? config.crashAt : undefined, config.crashMark),
  };
  const worker = new Worker({
    concurrency: config.concurrency,
    clock,
    log,
    drain: draining,
    drainGraceMs: Math.max(0, config.drainSeconds - 5) * 1000,
    execute: (run, hold) => executeRun(run, tools, hold),
    endUnstarted: (run, stopped) => new Announcer(tools, run).cancelled(stopped.message, index.get(run.run_id)?.started_at ?? null),
    hasEnded: (runId) => hasEnded(index.get(runId)?.status ?? 'PENDING'),
    mayHaveBegun: ({ run_id, admitted_at }) => Date.parse(admitted_at) < startedAt || (index.get(run_id)?.started_at ?? null) !== null,
  });
  const executor: Executor = {
    name,
    instance,
    worker,
    recorder,
    index,
    runs: new Runs(index, table, tenantService, clock, new LargePages(clock, context.fullSpeed)),
    live,
    contexts,
    lately,
    templates,
    tenantService,
    bus,
    clock,
    log,
    concurrency: config.concurrency,
  };
  metrics.gauge('runs_running', 'Runs in work on this instance', [], (gauge) => gauge.set(worker.running));
  metrics.gauge('runs_waiting', 'Runs in hand that wait for a place', [], (gauge) => gauge.set(worker.waiting));
  let stopHeartbeat = () => {};
  let stopCatchingUp = () => {};
  return {
    routes: routes(executor),
    bus,
    subscriptions: subscriptions(executor),
    ready: { 'Pub/Sub': () => bus.check(), BigQuery: () => warehouse.check(), KMS: () => keys.check() },
    start: async () => {
      await parts.provision();
      const recent = await table.newest(config.indexedRuns);
      for (const record of recent.reverse()) {
        index.add(record);
        cancelWhereAsked(record, worker);
      }
      const oldest = recent[0];
      if (recent.length === config.indexedRuns && oldest) index.completeSince = { admitted_at: oldest.admitted_at, run_id: oldest.run_id };
      stopCatchingUp = startCatchingUp({ index, table, live, worker, clock, log, capacity: config.indexedRuns });
      stopHeartbeat = startHeartbeat({
        bus,
        clock,
        log,
        source: name,
        instance,
        seconds: config.heartbeatSeconds,
        runIds: () => worker.runIds,
      });
    },
    stop: [
      () => warehouse.close(),
      () => keys.close(),
      () => bus.close(),
      () => progress.flush(),
      () => stopHeartbeat(),
      () => stopCatchingUp(),
      () => templates.close(),
      () => recorder.stop(),
    ],
  };
}
