import { newRecord } from '@convergence/runs';
import { fakeWarehouse, sampleRun } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { rowOf } from '../record/merge.ts';
import { RunTable } from './run-table.ts';

const signal = new AbortController().signal;
const at = '2026-01-01T00:00:00.000Z';

function given(rows: readonly object[] = []) {
  const warehouse = fakeWarehouse();
  warehouse.answer(/^SELECT/, rows as never);
  return { table: new RunTable(warehouse, 'tenants'), asked: () => warehouse.statements.at(-1)! };
}

test('a list goes on behind a run, or behind all that the memory knows, where no ids are compared', async () => {
  const { table, asked } = given();
  await table.list({ tenantId: 'acme' }, { admitted_at: at, run_id: 'r1' }, 50, signal);
  expect(asked().sql).toContain('start_time <= @before_time AND (start_time < @before_time OR pipeline_logging_id < @before_id)');
  expect(asked().parameters).toMatchObject({ before_time: { value: at }, before_id: { value: 'r1' } });
  await table.list({ tenantId: 'acme' }, { admitted_at: at }, 50, signal);
  expect(asked().sql).toMatch(/WHERE tenant_id = @tenant_id AND start_time <= @before_time\n/);
  expect(Object.keys(asked().parameters!)).toEqual(['limit', 'tenant_id', 'before_time']);
});

test('moments are shown to the millisecond, however exact the table has them', async () => {
  const moments = { start_time: at, started_at: '2026-01-01T00:00:00.123456Z', end_time: null };
  const { table } = given([
    { pipeline_logging_id: 'r1', tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-x', status: 'RUNNING', ...moments },
  ]);
  expect(await table.get('r1')).toMatchObject({ admitted_at: at, started_at: '2026-01-01T00:00:00.123Z', ended_at: null });
});

test('what a run was asked with comes back from its row as it was', async () => {
  const whole = sampleRun(1, {
    run_date: '2025-11-15',
    as_of: '2025-11-16T00:10:00.000Z',
    trigger_by: 'alice',
    lane: 'backfill',
    scheduled_run_id: 'fire',
    retry_of: sampleRun(2).run_id,
  });
  for (const spec of [whole, sampleRun(1)]) {
    const { table, asked } = given([rowOf({ ...newRecord(spec, at), spec, cancel_reason: 'by me' })]);
    expect(await table.get(spec.run_id)).toMatchObject({ spec, cancel_reason: 'by me' });
    for (const column of ['as_of', 'run_date', 'retry_of', 'cancel_reason']) expect(asked().sql).toContain(column);
  }
});

test('the retries of a pipeline are asked for until a moment, each with the run that it repeats', async () => {
  const { table, asked } = given([{ pipeline_logging_id: 'r2', retry_of: 'r1' }]);
  const last = newRecord(sampleRun(3), at);
  expect(await table.retried(last)).toEqual(new Map([['r2', 'r1']]));
  expect(asked().parameters).toMatchObject({
    tenant_id: { value: last.tenant_id },
    pipeline_id: { value: last.pipeline_id },
    until: { value: at },
  });
});
