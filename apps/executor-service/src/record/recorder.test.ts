import { fakeWarehouse, virtualClock } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { foldHeard, type Heard, Recorder } from './recorder.ts';

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const started = (n: number) =>
  ({
    kind: 'progress',
    data: {
      run_id: id(n),
      tenant_id: 'acme',
      pipeline_id: 'p',
      sequence: 1,
      at: '2026-01-01T00:00:01Z',
      admitted_at: '2026-01-01T00:00:00Z',
      kind: 'started',
      step: null,
      template_version: 1,
      template_hash: 'h',
    },
  }) as Heard;

describe('the recorder', () => {
  test('what arrives while a statement runs goes into the next one: more runs, not more statements', async () => {
    const warehouse = fakeWarehouse();
    warehouse.answer(/^MERGE/, { affectedRows: 1 });
    const recorder = new Recorder(warehouse, 'tenants', virtualClock(), 0);
    await Promise.all(Array.from({ length: 300 }, (_, n) => recorder.record([started(n)])));
    expect(warehouse.statements.length).toBeLessThanOrEqual(2);
    const rows = warehouse.statements.flatMap((s) => s.parameters?.rows?.value as unknown[]);
    expect(rows).toHaveLength(300);
  });

  test('a statement that fails fails those who wait for it, and only those', async () => {
    const warehouse = fakeWarehouse();
    let fail = true;
    warehouse.answer(/^MERGE/, () => (fail ? new Error('away') : { affectedRows: 1 }));
    const recorder = new Recorder(warehouse, 'tenants', virtualClock(), 0);
    await expect(recorder.record([started(1)])).rejects.toThrow('away');
    fail = false;
    await recorder.record([started(1)]);
  });

  test('one row for each run of a batch', () => {
    expect(foldHeard([started(1), started(1), started(2)]).map((r) => r.status)).toEqual(['RUNNING', 'RUNNING']);
  });
});
