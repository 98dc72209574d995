import type { RunSpec } from '@convergence/contracts';
import { newRecord, type RunRecord } from '@convergence/runs';
import { describe, expect, test } from '@jest/globals';
import { catchUp } from './catching-up.ts';
import { RunIndex } from './run-index.ts';

const START = Date.UTC(2026, 0, 1);
function record(id: string, status: RunRecord['status'], more: Partial<RunRecord> = {}): RunRecord {
  const made = newRecord({ run_id: id, tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-x' }, new Date(START).toISOString());
  return Object.assign(made, { status, spec: { trigger_type: 'scheduler' } as RunSpec }, more);
}

function given(rows: readonly RunRecord[]) {
  const index = new RunIndex(10);
  const asked: string[][] = [];
  const told: string[] = [];
  const parts = {
    index,
    table: {
      these: async (runs: readonly { run_id: string }[]) => {
        asked.push(runs.map((run) => run.run_id));
        return [...rows];
      },
      list: async () => [],
    },
    worker: { cancel: (runId: string, reason: string) => void told.push(`${runId} is to be cancelled: ${reason}`) },
    live: { ended: ({ run_id, status }: RunRecord) => void told.push(`${run_id} ${status}`) },
    clock: { now: () => START + 60_000, sleep: async () => undefined },
    log: { warn: () => undefined },
    capacity: 10,
  };
  return { index, asked, told, catchUp: () => catchUp(parts) };
}

describe('what was said before this instance listened', () => {
  test('is looked up until nothing more is to be learned, and who watches hears of the end', async () => {
    const { index, asked, told, catchUp: look } = given([record('a', 'COMPLETE', { sequence: 7 })]);
    index.add(record('a', 'RUNNING', { spec: undefined }));
    index.add(record('b', 'FAILED'));
    expect([await look(), await look()]).toEqual([1, 0]);
    expect(asked).toEqual([['a']]);
    expect(told).toEqual(['a COMPLETE']);
    expect(index.get('a')).toMatchObject({ status: 'COMPLETE', sequence: 7, spec: { trigger_type: 'scheduler' } });
  });

  test('the first end stands, a table that lags behind moves no run back, and a run that was heard of from its request on is not looked up', async () => {
    const { index, asked, told, catchUp: look } = given([record('a', 'FAILED'), record('b', 'PENDING')]);
    index.add(record('a', 'COMPLETE', { spec: undefined }));
    index.add(record('b', 'RUNNING'));
    index.add(record('c', 'RUNNING', { whole: true }));
    expect([await look(), await look()]).toEqual([1, 0]);
    expect(asked).toEqual([['a', 'b'], ['b']]);
    expect([index.get('a')?.status, index.get('b')?.status, told]).toEqual(['COMPLETE', 'RUNNING', []]);
  });

  test('counts where somebody wants a run stopped, but not one that ended', async () => {
    const cancel_reason = 'by me';
    const { index, told, catchUp: look } = given([record('a', 'RUNNING', { cancel_reason }), record('b', 'COMPLETE', { cancel_reason })]);
    index.add(record('a', 'PENDING'));
    index.add(record('b', 'RUNNING'));
    await look();
    expect(told).toEqual(['a is to be cancelled: by me', 'b COMPLETE']);
  });
});
