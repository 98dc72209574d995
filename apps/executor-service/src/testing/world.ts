/**
 * An executor as a process of its own, with everything around it: local-cloud, a stand-in for tenant-service, tenants with datasets.
 * Runs are asked for by publishing what admission would, and awaited by listening to how they end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type DataOf,
  pipelineId,
  type RunContextResponse,
  runAdmitted,
  type runCompleted,
  runRequested,
  tenantId,
} from '@convergence/contracts';
import {
  defaultKeks,
  type GoogleBus,
  type GoogleConfig,
  type GoogleKeys,
  googleBus,
  googleKeys,
  googleWarehouse,
  hostsFrom,
} from '@convergence/google';
import { parametersHash } from '@convergence/pipelines';
import type { Row, SqlParameter, Warehouse } from '@convergence/ports';
import { eventMessage } from '@convergence/service';
import { OPERATIONAL_TABLES, pipelineRuns, pipelineTemplateVersions } from '@convergence/tables';
import { freePort, type LocalCloud, startLocalCloud } from '@convergence/testing';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const CONFIGS = fileURLToPath(new URL('../../../../configs', import.meta.url));
export type End = DataOf<typeof runCompleted>;

export interface ExecutorProcess {
  readonly port: number;
  readonly pid: number;
  readonly output: () => string;
  /** Resolves with how it ended. */
  readonly gone: Promise<{ code: number | null; signal: string | null }>;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<{ code: number | null; signal: string | null }>;
}

export interface World {
  readonly cloud: LocalCloud;
  readonly warehouse: Warehouse;
  readonly bus: GoogleBus;
  readonly keys: GoogleKeys;
  readonly google: GoogleConfig;
  readonly folder: string;
  /** By tenant; a test may change them. */
  readonly contexts: Map<string, RunContextResponse>;
  readonly ends: Map<string, End[]>;
  tenant(id: string, more?: Partial<RunContextResponse>): Promise<void>;
  executor(env?: Readonly<Record<string, string>>, nodeOptions?: readonly string[]): Promise<ExecutorProcess>;
  request(tenant: string, path: string, parameters?: Record<string, unknown>, more?: Partial<DataOf<typeof runRequested>>): Promise<string>;
  end(runId: string, withinMs?: number): Promise<End>;
  query(sql: string, dataset?: string, parameters?: Record<string, SqlParameter>): Promise<readonly Row[]>;
  /** Two minutes pass in half a second: what a dead executor held is delivered again. */
  letLeasesEnd(): Promise<void>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const cloud = await startLocalCloud({ exportEnv: false });
  const folder = await mkdtemp(join(tmpdir(), 'executor-world-'));
  const google: GoogleConfig = { project: 'convergence-local', location: 'US', hosts: hostsFrom(cloud.env) };
  const bus = googleBus(google);
  const keys = googleKeys(google, { keks: defaultKeks(google) });
  const warehouse = googleWarehouse(google);
  await Promise.all([bus.provision(), keys.provision()]);
  await warehouse.createDataset('tenants', { location: 'US', description: 'Central tables.' });
  await Promise.all([pipelineRuns, pipelineTemplateVersions].map((table) => warehouse.createTable('tenants', table)));
  const contexts = new Map<string, RunContextResponse>();
  const tenantService = await startTenantService(contexts);
  const ends = new Map<string, End[]>();
  bus.subscribe(
    { subscription: `run-completed.test.${randomUUID().slice(0, 8)}`, broadcastOf: 'run-completed', maxMessages: 1000, maxBatch: 100 },
    async (batch) =>
      batch.map((message) => {
        const end = JSON.parse(message.body.toString('utf8')) as End;
        ends.set(end.run_id, [...(ends.get(end.run_id) ?? []), end]);
        return { outcome: 'done' } as const;
      }),
  );
  const processes: ExecutorProcess[] = [];
  const query: World['query'] = async (sql, dataset, parameters) =>
    (await warehouse.run({ sql, ...(dataset && { defaultDataset: dataset }), ...(parameters && { parameters }) })).rows;

  return {
    cloud,
    warehouse,
    bus,
    keys,
    google,
    folder,
    contexts,
    ends,
    query,
    async tenant(id, more = {}) {
      await warehouse.createDataset(id, { location: 'US', description: id });
      for (const table of OPERATIONAL_TABLES) await warehouse.createTable(id, table);
      contexts.set(id, {
        tenant_id: id,
        company_name: id,
        admin_email: `admin@${id.replaceAll('_', '-')}.example`,
        dataset: id,
        plan: 'SCALE',
        status: 'ACTIVE',
        credentials: [],
        provider_configs: [],
        ...more,
      });
    },
    async executor(env = {}, nodeOptions = []) {
      const process = await startExecutor(nodeOptions, {
        ...cloud.env,
        CONFIGS_DIR: CONFIGS,
        TENANT_SERVICE_URL: `http://127.0.0.1:${(tenantService.address() as AddressInfo).port}`,
        MAIL_OUTBOX: join(folder, 'outbox'),
        OBJECTS_DIR: join(folder, 'objects'),
        RECORD_SECONDS: '0.1',
        LOG_LEVEL: 'warn',
        ...env,
      });
      processes.push(process);
      return process;
    },
    async request(tenant, path, parameters = {}, more = {}) {
      const [provider = '', domain = '', template = ''] = path.split('/');
      const run_id = randomUUID();
      const data = {
        run_id,
        tenant_id: tenant,
        pipeline_id: pipelineId(tenantId(tenant), { provider, domain, template }),
        provider,
        domain,
        template,
        parameters,
        parameters_hash: parametersHash(parameters),
        run_date: typeof parameters.date === 'string' ? parameters.date : null,
        trigger_type: 'api' as const,
        trigger_by: 'test',
        user_id: null,
        lane: 'live' as const,
        scheduled_run_id: null,
        retry_of: null,
        retry_from: null,
        admitted_at: new Date().toISOString(),
        ...more,
      };
      await bus.publish([
        eventMessage(runRequested, data, { source: 'tenant-service', id: data.run_id }),
        eventMessage(runAdmitted, data, { source: 'tenant-service', id: `${data.run_id}/admitted` }),
      ]);
      return data.run_id;
    },
    async letLeasesEnd() {
      const clock = (factor: number) =>
        fetch(`${cloud.env.BIGQUERY_EMULATOR_HOST}/__control/clock`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ factor }),
        });
      await clock(240);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await clock(1);
    },
    async end(runId, withinMs = 30_000) {
      const until = Date.now() + withinMs;
      for (;;) {
        const end = ends.get(runId)?.[0];
        if (end) return end;
        if (Date.now() > until) throw new Error(`run ${runId} did not end:\n${processes.map((p) => p.output()).join('\n---\n')}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async stop() {
      await Promise.all(processes.map((process) => process.kill('SIGKILL')));
      await Promise.allSettled([bus.close(), warehouse.close(), keys.close()]);
      await new Promise((resolve) => tenantService.close(resolve));
      await cloud.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function startTenantService(contexts: ReadonlyMap<string, RunContextResponse>): Promise<Server> {
  const server = createServer((request, response) => {
    const tenant = /^\/internal\/tenants\/([a-z0-9_]+)\/run-context$/.exec(request.url ?? '')?.[1];
    const found = tenant && contexts.get(tenant);
    response.writeHead(found ? 200 : 404, { 'content-type': found ? 'application/json' : 'application/problem+json', connection: 'close' });
    response.end(JSON.stringify(found ?? { code: 'tenant.not_found', detail: 'No such tenant.' }));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function startExecutor(nodeOptions: readonly string[], env: Readonly<Record<string, string>>): Promise<ExecutorProcess> {
  const port = await freePort();
  const child: ChildProcess = spawn(process.execPath, ['--no-warnings', ...nodeOptions, MAIN], {
    env: { ...process.env, ...env, PORT: String(port), HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-20_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const gone = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  void gone.then(() => process.removeListener('exit', killAtExit));
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null || tries > 600) throw new Error(`the executor did not start:\n${output}`);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    pid: child.pid as number,
    output: () => output,
    gone,
    kill(signal) {
      child.kill(signal);
      return gone;
    },
  };
}
