/**
 * A whole scheduler-service in this process, over fakes of its ports and of admission, on a port of its own, under a clock that tests
 * move. `restart` is a crash: the process's memory is gone, journal, owners and tables stay.
 */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type AdmissionDecision,
  type DataOf,
  type EventDefinition,
  type Principal,
  Refusal,
  type RunSpec,
  type RunStatus,
  SCOPES,
  type ServiceName,
  type TenantId,
  type TenantNotice,
} from '@convergence/contracts';
import { loadTemplates } from '@convergence/pipelines';
import { DEFAULT_LIMITS, type ScheduleLimits } from '@convergence/schedules';
import { type Command, eventMessage, internalClient, startService, TokenSigner } from '@convergence/service';
import { openSlice } from '@convergence/slice';
import { fakeBus, fakeCheckpointTables, fakeJournalStore, fakeOwnerStore, keptLog, virtualClock } from '@convergence/testing';
import type { Admission } from '../admission.ts';
import { schedulerFields } from '../config.ts';
import type { SchedulesSlice } from '../definition.ts';
import { schedulesDefinition } from '../definition.ts';
import { schedulerService } from '../service.ts';

const KEY = 'a-signing-key-for-tests-that-is-long-enough';
const CONFIGS = fileURLToPath(new URL('../../../../configs', import.meta.url));
export const ADMIN: Principal = { kind: 'admin' };
export const ownerOf = (tenantId: string): Principal => ({ kind: 'tenant', tenantId: tenantId as TenantId, keyId: 'k', scopes: SCOPES });

export interface FakeAdmission extends Admission {
  readonly unknown: Set<string>;
  readonly asked: RunSpec[][];
  /** Of the last time it was asked. */
  askedBy: Readonly<Record<string, Principal>>;
  readonly told: { tenantId: string; notice: TenantNotice }[];
  readonly runs: Map<string, { live: boolean; status: RunStatus }>;
  /** What commands came to. */
  readonly made: Map<string, string>;
  says(run: RunSpec): AdmissionDecision | Error;
  telling(): void;
}

/** Admission that says what a test tells it to; by default yes. */
export function fakeAdmission(): FakeAdmission {
  const asked: RunSpec[][] = [];
  const told: { tenantId: string; notice: TenantNotice }[] = [];
  const runs = new Map<string, { live: boolean; status: RunStatus }>();
  const admission: FakeAdmission = {
    unknown: new Set(),
    asked,
    askedBy: {},
    told,
    runs,
    made: new Map(),
    says: (run: RunSpec): AdmissionDecision | Error => ({ run_id: run.run_id, outcome: 'admitted', admitted_at: '2026-01-15T10:00:00Z' }),
    telling: (): void => undefined,
    async admit(specs: readonly RunSpec[], askedBy: Readonly<Record<string, Principal>>) {
      asked.push([...specs]);
      admission.askedBy = askedBy;
      const decisions = specs.map((spec) => admission.says(spec));
      const failure = decisions.find((decision) => decision instanceof Error);
      if (failure) throw failure;
      return { decisions: decisions as AdmissionDecision[] };
    },
    run: async (runId: string) => runs.get(runId),
    async noteMade({ id }: Command, made: string) {
      admission.made.set(id, made);
    },
    checkTenant: async (tenantId: string) => {
      if (admission.unknown.has(tenantId)) throw new Refusal('tenant.not_found', `There is no tenant ${tenantId}.`);
    },
    async tell(tenantId: string, notice: TenantNotice) {
      told.push({ tenantId, notice });
      admission.telling();
    },
  };
  return admission;
}

export async function startScheduler(limits: Partial<ScheduleLimits> = {}, env: Record<string, string> = {}) {
  const configs = join(await mkdtemp(join(tmpdir(), 'scheduler-test-')), 'configs');
  await mkdir(configs);
  for (const part of ['pipeline.schema.json', 'gcp']) await cp(join(CONFIGS, part), join(configs, part), { recursive: true });
  const bus = fakeBus();
  const clock = virtualClock();
  const journal = fakeJournalStore();
  const owners = fakeOwnerStore('schedules');
  const tables = fakeCheckpointTables({ FALSE: () => false }, owners);
  const admission = fakeAdmission();
  const log = keptLog();
  const templates = await loadTemplates(configs, { refreshSeconds: 0 });
  let slice: SchedulesSlice;
  let baseUrl = '';
  let stop: (() => Promise<unknown>) | undefined;
  let starts = 0;

  async function start(): Promise<void> {
    starts += 1;
    slice = await openSlice({
      definition: schedulesDefinition({ ...DEFAULT_LIMITS, ...limits }),
      journal,
      owners,
      tables,
      bus,
      clock,
      instance: `scheduler-${starts}`,
      checkpointSeconds: 100_000,
      refreshSeconds: 100_000,
      log,
    });
    // The predecessor is out by now, whatever it still tries.
    await stop?.();
    const service = await startService({
      name: 'scheduler-service',
      fields: schedulerFields,
      env: {
        PORT: '0',
        HOST: '127.0.0.1',
        LOG_LEVEL: 'silent',
        INTERNAL_SIGNING_KEY: KEY,
        PUBSUB_EMULATOR_HOST: '127.0.0.1:1',
        BIGQUERY_EMULATOR_HOST: '127.0.0.1:1',
        BIGQUERY_STORAGE_EMULATOR_HOST: '127.0.0.1:1',
        KMS_EMULATOR_HOST: '127.0.0.1:1',
        ...env,
      },
      build: (context) => schedulerService(context, { slice, templates, bus, clock, admission }),
    });
    baseUrl = `http://127.0.0.1:${service.port}`;
    stop = () => service.stop();
  }
  await start();
  return {
    bus,
    clock,
    journal,
    tables,
    admission,
    templates,
    configs,
    log,
    slice: () => slice,
    // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
    ask: <T = any>(
      method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
      path: string,
      options: { as?: Principal; from?: ServiceName; body?: unknown; headers?: Record<string, string> } = {},
    ): Promise<T> =>
      internalClient({
        target: 'scheduler-service',
        baseUrl,
        signer: new TokenSigner(options.from ?? 'gateway', { keys: [KEY] }),
        timeoutMs: 20_000,
      }).call<T>({
        method,
        path: path.startsWith('/internal') ? path : `/api/v1${path}`,
        principal: options.as ?? ADMIN,
        ...(options.body !== undefined && { body: options.body }),
        ...(options.headers && { headers: options.headers }),
      }),
    /** An event as another service publishes it, handled. */
    async hear<D extends EventDefinition>(definition: D, data: DataOf<D>) {
      await bus.publish([eventMessage(definition, data as never, { source: 'test' })]);
      await bus.deliver();
    },
    /** Time passes and whatever was due happens. */
    async pass(milliseconds: number) {
      await clock.advance(milliseconds);
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    },
    /** The process dies; another takes over. */
    async restart(how: 'crash' | 'checkpointed' = 'crash') {
      if (how === 'checkpointed') await slice.checkpoint();
      await start();
    },
    async close() {
      templates.close();
      await stop?.();
      await rm(join(configs, '..'), { recursive: true, force: true });
    },
  };
}
export type SchedulerUnderTest = Awaited<ReturnType<typeof startScheduler>>;

export const daily = (over: Record<string, unknown> = {}) => ({
  provider: 'GCP',
  domain: 'EXAMPLE',
  pipeline_template: 'dryrun',
  schedule_cron: '5 10 * * *',
  parameters: { date: '{yesterday}' },
  ...over,
});

export const completed = (run: Pick<RunSpec, 'run_id' | 'tenant_id' | 'pipeline_id'>, over: Record<string, unknown> = {}) => ({
  run_id: run.run_id,
  tenant_id: run.tenant_id,
  pipeline_id: run.pipeline_id,
  status: 'COMPLETE' as const,
  sequence: 9,
  admitted_at: '2026-01-15T10:05:00Z',
  started_at: '2026-01-15T10:05:01Z',
  ended_at: '2026-01-15T10:06:00Z',
  did_work: true,
  retryable: false,
  error: null,
  trigger_type: 'scheduler' as const,
  scheduled_run_id: null,
  ...over,
});

/** What a test's admission says: not now, for that reason. */
export const refusing = (code: string) => (run: RunSpec) => ({
  run_id: run.run_id,
  outcome: 'refused' as const,
  code,
  detail: `${code} says no`,
  fields: {},
  retry_at: null,
});
