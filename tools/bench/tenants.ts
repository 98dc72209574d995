/**
 * `npm run bench -- tenants [--tenants=50000] [--rows=100000]`: tenant-service with so many tenants on local-cloud, each with a key,
 * a plan and a usage day; and so many rows of runs (admitted, started, ended) that no checkpoint has when the process before it dies.
 *
 * It is started as the launcher does. After that it ends cleanly and starts again, twice: each start reads everything, each end writes
 * a checkpoint of everything.
 *
 * Printed: how long until it answers, and its resident memory then, after half a minute with its checkpoints, and as Linux counts
 * it at its highest.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pipelineId, type RunSpec, SCOPES } from '@convergence/contracts';
import { googleJournalStore } from '@convergence/google';
import { warehouseOwnerStore } from '@convergence/journal';
import { systemClock } from '@convergence/service';
import { openSlice, warehouseTables } from '@convergence/slice';
import { type TenantCommand, utcDate } from '@convergence/tenants';
import { startLocalCloud } from '@convergence/testing';
import { tenantsDefinition } from '../../apps/tenant-service/src/definition.ts';
import { provisionedCell, startTenantProcess } from '../../apps/tenant-service/src/testing/tenant-service-process.ts';
import { LEAN_MALLOC, SMALL_HEAP } from '../launcher/plan.ts';

const { values } = parseArgs({ options: { tenants: { type: 'string', default: '50000' }, rows: { type: 'string', default: '100000' } } });
const TENANTS = Number(values.tenants);
const RUNS = Math.ceil(Number(values.rows) / 3);
const CHUNK = 2_000;
/** As long as a sealed key of 48 characters is. */
const SEALED = 'x'.repeat(220);
const nameOf = (n: number) => `tenant_${n}`;
const quiet = { info: () => undefined, warn: console.warn, error: console.warn };

const cloud = await startLocalCloud();
const cell = await provisionedCell(cloud.env);
const journal = googleJournalStore(cell.google, cell.warehouse, { dataset: 'tenants', name: 'tenant_journal' });
const slice = await openSlice({
  definition: tenantsDefinition(utcDate(Date.now())),
  journal,
  owners: warehouseOwnerStore(cell.warehouse, 'tenants'),
  tables: warehouseTables(cell.warehouse, 'tenants'),
  bus: { publish: async () => undefined },
  clock: systemClock,
  instance: 'bench',
  checkpointSeconds: 3_600,
  refreshSeconds: 3_600,
  log: quiet,
});

for (let from = 0; from < TENANTS; from += CHUNK) {
  await slice.executeMany(Array.from({ length: Math.min(CHUNK, TENANTS - from) }, (_, i) => onboarding(from + i)).flat());
}
let began = performance.now();
let service: Awaited<ReturnType<typeof startTenantProcess>>;
await slice.checkpoint();
// The second says that the tables have all of the first.
await slice.checkpoint();
console.log(`checkpoint of ${TENANTS} new tenants: ${seconds()} s`);
for (let from = 0; from < RUNS; from += CHUNK) {
  await slice.executeMany(Array.from({ length: Math.min(CHUNK, RUNS - from) }, (_, i) => aRun(from + i)).flat());
}

const start = async (what: string) => {
  began = performance.now();
  service = await startTenantProcess(
    { ...cloud.env, ...LEAN_MALLOC, CHECKPOINT_SECONDS: '5', REFRESH_SECONDS: '15' },
    undefined,
    SMALL_HEAP,
  );
  console.log(`${what}, start of the process included: ${seconds()} s`);
};
// The process that takes over finds the predecessor as a crash leaves it: nothing was closed.
await start(`recovery of ${TENANTS} tenants and ${RUNS * 3} journal rows`);
console.log(`memory: ${memory('VmRSS')} MB resident when it answers first`);
await sleep(30_000);
console.log(`memory: ${memory('VmRSS')} MB resident half a minute later, ${memory('VmHWM')} MB at its highest (limit 512 MB)`);
for (const time of ['first', 'second']) {
  began = performance.now();
  await service!.kill('SIGTERM');
  console.log(`clean end, ${time} time: ${seconds()} s`);
  await start(`start after it`);
}
await service!.kill('SIGKILL');
await journal.close();
await cell.close();
await cloud.stop();
process.exit(0);

function seconds(): string {
  return ((performance.now() - began) / 1000).toFixed(1);
}
function memory(field: 'VmRSS' | 'VmHWM'): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${service!.pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1000);
}

/** A tenant whose onboarding is behind it. */
function onboarding(n: number): TenantCommand[] {
  const tenant_id = nameOf(n);
  const api_key_id = randomUUID();
  const api_key_hash = createHash('sha256').update(tenant_id).digest('hex');
  return [
    {
      kind: 'onboard',
      tenant_id,
      company_name: `Company number ${n}`,
      admin_email: `admin@company-${n}.example`,
      plan_name: 'SCALE',
      run_dryrun: false,
      request_hash: api_key_hash,
      subscription_id: randomUUID(),
      api_key: { api_key_id, api_key_hash, sealed: SEALED, key_name: 'onboarding', scopes: SCOPES, expires_at: null },
      by: 'anyone',
    },
    { kind: 'note-dataset-prepared', tenant_id, tables: ['x_meta_step_logs', 'x_meta_dq_results', 'x_meta_onboarding_dryrun_test'] },
    { kind: 'note-key-delivered', tenant_id, api_key_id },
    { kind: 'note-welcome-sent', tenant_id },
  ];
}

function aRun(n: number): TenantCommand[] {
  const tenant_id = nameOf((n * 7) % TENANTS);
  const run_id = randomUUID();
  const at = new Date().toISOString();
  const parts = { provider: 'gcp', domain: 'cost', template: 'billing' } as const;
  const run: RunSpec = {
    run_id,
    tenant_id,
    pipeline_id: pipelineId(tenant_id as never, parts),
    ...parts,
    parameters: { date: utcDate(Date.now()) },
    parameters_hash: run_id,
    run_date: utcDate(Date.now()),
    trigger_type: 'api',
    trigger_by: 'bench',
    user_id: null,
    lane: 'live',
    scheduled_run_id: null,
    retry_of: null,
    retry_from: null,
  };
  return [
    { kind: 'admit', run },
    { kind: 'start-run', run_id, started_at: at },
    { kind: 'end-run', run_id, status: 'COMPLETE', did_work: true, ended_at: at },
  ];
}
