import { Refusal } from '@convergence/contracts';
import { type Statement, WarehouseError } from '@convergence/ports';
import { fakeWarehouse, virtualClock } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { rowOf } from './merge.ts';
import { foldHeard, type Heard, type Recorded, Recorder } from './recorder.ts';

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
  const given = (answer: (rows: readonly string[]) => Error | undefined) => {
    const warehouse = fakeWarehouse();
    const written = new Set<string>();
    warehouse.answer(/^MERGE/, ({ parameters }: Statement) => {
      const rows = ((parameters?.rows?.value ?? []) as { pipeline_logging_id: string }[]).map((row) => row.pipeline_logging_id);
      const error = answer(rows);
      if (error) return error;
      for (const row of rows) written.add(row);
      return { affectedRows: rows.length };
    });
    return { warehouse, written, recorder: new Recorder(warehouse, 'tenants', virtualClock(), 0) };
  };
  const outcomes = (recorder: Recorder, heard: readonly (readonly Heard[])[]) =>
    Promise.allSettled(heard.map((some) => recorder.record(some)));
  test('what arrives while a statement runs goes into the next one: more runs, not more statements', async () => {
    const warehouse = fakeWarehouse();
    warehouse.answer(/^MERGE/, { affectedRows: 1 });
    const recorder = new Recorder(warehouse, 'tenants', virtualClock(), 0);
    await Promise.all(Array.from({ length: 300 }, (_, n) => recorder.record([started(n)])));
    expect(warehouse.statements.length).toBeLessThanOrEqual(2);
    const rows = warehouse.statements.flatMap((s) => s.parameters?.rows?.value as unknown[]);
    expect(rows).toHaveLength(300);
  });

  test('the messages of one batch go together, also into the first statement', async () => {
    const { warehouse, recorder } = given(() => undefined);
    await outcomes(recorder, [[started(1)], [started(2)]]);
    expect(warehouse.statements).toHaveLength(1);
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

  const invalid = () => new WarehouseError('invalidQuery', 'Invalid date: 0000-01-01');

  test('a row that the warehouse refuses fails its own caller for good and by name; all others are written', async () => {
    const bad = new Set([id(77), id(250)]);
    const { warehouse, written, recorder } = given((rows) => (rows.some((row) => bad.has(row)) ? invalid() : undefined));
    const settled = await outcomes(
      recorder,
      Array.from({ length: 300 }, (_, n) => [started(n)]),
    );
    const failed = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(failed.map((reason) => [reason instanceof Refusal, reason.message])).toEqual(
      [77, 250].map((n) => [true, `The row of run ${id(n)} can not be written: Invalid date: 0000-01-01`]),
    );
    expect(written.size).toBe(298);
    expect(warehouse.statements.length).toBeLessThan(50);
  });

  test('a row that does not come to a parameter is refused like one of the warehouse', async () => {
    const { written, recorder } = given((rows) => (rows.includes(id(1)) ? new TypeError('@rows: not a safe integer') : undefined));
    const settled = await outcomes(recorder, [[started(0)], [started(1), started(2)], [started(3)]]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect([...written].sort()).toEqual([id(0), id(2), id(3)]);
  });

  test.each([
    ['the statement itself is refused', invalid],
    ['the table may not be written', () => new WarehouseError('accessDenied', 'no')],
  ])('nobody looks for a row when %s', async (_, error) => {
    const { warehouse, recorder } = given(error);
    const settled = await outcomes(
      recorder,
      Array.from({ length: 100 }, (_, n) => [started(n)]),
    );
    expect(settled.map((one) => one.status === 'rejected' && one.reason instanceof WarehouseError)).toEqual(settled.map(() => true));
    expect(warehouse.statements.length).toBeLessThanOrEqual(4);
  });

  test('one row for each run of a batch', () => {
    expect(foldHeard([started(1), started(1), started(2)]).map((r) => r.status)).toEqual(['RUNNING', 'RUNNING']);
  });

  test('that a run is to be cancelled, and why at first, without an end of its own', () => {
    const wanted = (reason: string) => ({ kind: 'cancelled', data: { ...started(1).data, by: 'me', reason } }) as Recorded;
    const [record] = foldHeard([wanted('one'), started(1), wanted('two')]);
    expect(record && rowOf(record)).toMatchObject({ status: 'RUNNING', cancel_reason: 'one', end_time: null });
  });
});
