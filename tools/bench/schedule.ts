/**
 * `npm run bench -- schedule [--repeats=3] [--schedules=100000]`: the scheduler on local-cloud with 100 000 schedules of 10 000 tenants.
 *
 * 1. The service's process from its start until it is ready, and its memory. 2. 50 000 schedules due at one minute: until all are
 * queued and journalled, with the BigQuery statements that took. 3. A thousand dispatch decisions with 100 000 items queued.
 * Each figure is a median, beside the limit that it must stay under.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { googleJournalStore, googleWarehouse, hostsFrom } from '@convergence/google';
import { warehouseOwnerStore } from '@convergence/journal';
import { DEFAULT_LIMITS, decide, type FireReply, type ScheduleCommand } from '@convergence/schedules';
import { openSlice, warehouseTables } from '@convergence/slice';
import { startLocalCloud } from '@convergence/testing';
import { schedulesDefinition } from '../../apps/scheduler-service/src/definition.ts';
import { openAdmission, provisionedCell, startSchedulerProcess } from '../../apps/scheduler-service/src/testing/scheduler-process.ts';

const { values } = parseArgs({ options: { repeats: { type: 'string', default: '3' }, schedules: { type: 'string', default: '100000' } } });
const REPEATS = Number(values.repeats);
const SCHEDULES = Number(values.schedules);
const TENANTS = SCHEDULES / 10;
const DAY = 86_400_000;
/** Half of them at one minute, the others spread; next January, so that none is due while this measures. */
const cronOf = (n: number) => (n % 2 === 0 ? '0 5 * 1 *' : 'H H * 2 *');
const BURST = Date.UTC(new Date().getUTCFullYear() + 1, 0, 1, 5);

const limits = { ...DEFAULT_LIMITS, backlogPerTenant: 1_000_000, timeToLiveMs: 1000 * DAY };
const cloud = await startLocalCloud();
const cell = await provisionedCell(cloud.env);
const google = { project: 'convergence-local', location: 'US', hosts: hostsFrom(cloud.env) };
const warehouse = googleWarehouse(google);
const journal = googleJournalStore(google, warehouse, { dataset: 'tenants', name: 'scheduler_journal' });
let ahead = 0;
const clock = {
  now: () => Date.now() + ahead,
  sleep: async (ms: number, signal?: AbortSignal) => void (await sleep(ms, undefined, signal ? { signal } : {})),
};
const log = { info: () => undefined, warn: complain, error: complain };
function complain(fields: object, text: string): void {
  console.warn(text, fields);
}
const open = () =>
  openSlice({
    definition: schedulesDefinition(limits),
    journal,
    bus: { publish: async () => undefined },
    owners: warehouseOwnerStore(warehouse, 'tenants'),
    tables: warehouseTables(warehouse, 'tenants'),
    clock,
    instance: randomUUID(),
    checkpointSeconds: 1e6,
    refreshSeconds: 1e6,
    log,
  });

const figures: { what: string; median: number; unit: string; limit: number }[] = [];
function report(what: string, times: number[], unit: string, limit: number): void {
  const sorted = [...times].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] as number;
  figures.push({ what, median, unit, limit });
  console.log(`${what}: ${median.toFixed(1)} ${unit} (limit ${limit}; ${sorted.map((t) => t.toFixed(1)).join(', ')})`);
}
/** Statements of BigQuery so far, and appends of its Storage Write API. */
async function statements(): Promise<{ queries: number; appends: number }> {
  const stats = (await (await fetch(`${cloud.env.BIGQUERY_EMULATOR_HOST}/__stats`)).json()) as {
    entries: { measures: { statements?: number; appends?: number } }[];
  };
  const sum = (name: 'statements' | 'appends') => stats.entries.reduce((total, { measures }) => total + (measures[name] ?? 0), 0);
  return { queries: sum('statements'), appends: sum('appends') };
}

let slice = await open();
let began = performance.now();
for (let from = 0; from < SCHEDULES; from += 5000) {
  const commands = Array.from({ length: 5000 }, (_, i): ScheduleCommand => {
    const n = from + i;
    return {
      type: 'create-schedule',
      config_id: `schedule-${n}`,
      tenant_id: `tenant_${Math.floor(n / (SCHEDULES / TENANTS))}`,
      provider: 'GCP',
      domain: 'COST',
      pipeline_template: 'billing_cost',
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
for (let t = 0; t < TENANTS; t++)
  await slice.execute({ type: 'note-tenant', tenant_id: `tenant_${t}`, status: 'ACTIVE', weight: [1, 2, 4][t % 3] as number });
console.log(`${SCHEDULES} schedules made in ${((performance.now() - began) / 1000).toFixed(1)} s`);
await slice.checkpoint();
// The last checkpoint before an ordinary stop is a small one; a successor takes up what the last one held once more.
await slice.execute({ type: 'note-tenant', tenant_id: 'tenant_0', status: 'ACTIVE', weight: 2 });
await slice.close();
console.log(`${SCHEDULES} schedules of ${TENANTS} tenants made and written in ${((performance.now() - began) / 1000).toFixed(1)} s`);

const admission = await openAdmission();
const starts: number[] = [];
const memory: number[] = [];
for (let i = 0; i < REPEATS; i++) {
  began = performance.now();
  const service = await startSchedulerProcess(cloud.env, admission.url);
  starts.push((performance.now() - began) / 1000);
  const status = await service.ask<{ total_active_pipelines: number }>('GET', '/scheduler/status');
  if (status.total_active_pipelines !== SCHEDULES) throw new Error(`only ${status.total_active_pipelines} schedules came back`);
  await sleep(3000);
  memory.push(Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1]) / 1024);
  await service.kill('SIGTERM');
}
report(`start with ${SCHEDULES} schedules, until ready`, starts, 's', 10);
report('memory of the service then', memory, 'MB', 512);
await admission.close();

slice = await open();
const bursts: number[] = [];
const written: number[] = [];
for (let i = 0; i < REPEATS; i++) {
  ahead = BURST + i * DAY - Date.now();
  const before = await statements();
  began = performance.now();
  let queued = 0;
  for (let more = true; more; ) {
    const reply = await slice.execute<FireReply>({ type: 'fire-due', limit: 5000 });
    queued += reply.queued;
    more = reply.more;
  }
  bursts.push((performance.now() - began) / 1000);
  const after = await statements();
  if (queued !== SCHEDULES / 2) throw new Error(`${queued} were queued`);
  began = performance.now();
  await slice.checkpoint();
  written.push((performance.now() - began) / 1000);
  const shown = await statements();
  console.log(
    `burst ${i + 1}: ${queued} queued and journalled by ${after.queries - before.queries} BigQuery statements and ${after.appends - before.appends} appends; in the tables after ${shown.queries - after.queries} more statements`,
  );
}
report(`${SCHEDULES / 2} due at one minute, until queued and journalled`, bursts, 's', 3);
report('until the tables show them too', written, 's', 60);

const decisions: number[] = [];
for (let i = 0; i < 20; i++) {
  const now = clock.now();
  began = performance.now();
  const run_ids = slice.state.queue.pick(now, 1000).map((item) => item.run_id);
  const decided = decide(slice.state, { type: 'claim-items', run_ids }, { now, random: randomUUID, limits });
  decisions.push(performance.now() - began);
  if ('refusal' in decided || decided.events.length !== 1000) throw new Error('not a thousand decisions');
  await slice.execute({ type: 'claim-items', run_ids });
}
report(`1000 dispatch decisions with ${slice.state.queue.waiting + 20_000} items queued`, decisions, 'ms', 20);
const over = figures.filter(({ median, limit }) => median > limit);
console.log(over.length === 0 ? 'All within their limits.' : `Over: ${over.map(({ what }) => what).join('; ')}`);
await warehouse.close();
await journal.close();
await cell.close();
await cloud.stop();
process.exit(over.length === 0 ? 0 : 1);
