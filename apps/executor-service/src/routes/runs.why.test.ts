import { newRecord, type RunRecord } from '@convergence/runs';
import { describe, expect, test } from '@jest/globals';
import { workerGate } from './runs.why.ts';

const at = '2026-01-01T03:00:00.000Z';
const now = Date.parse('2026-01-01T03:10:00Z');
const worker = { running: 10, waiting: 20, typicalMs: 60_000, holds: () => undefined as 'running' | 'waiting' | undefined };
const here = { ...worker, holds: () => 'running' as const };
function given(more: Partial<RunRecord> = {}): RunRecord {
  const identity = { run_id: '00000000-0000-4000-8000-000000000001', tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-x' };
  return Object.assign(newRecord(identity, at), more);
}
const error = {
  code: 'bigquery.rate_limit',
  class: 'rate_limit',
  message: 'Exceeded rate limits.',
  hint: 'It is tried again by itself.',
  step: 'extract',
};

describe('why a run does not get on, as an executor knows it', () => {
  test('all places are taken: closed, with how many wait and when one is expected', () => {
    expect(workerGate(given(), worker, now, 10)).toMatchObject({
      state: 'closed',
      value: 10,
      limit: 10,
      since: at,
      expected: '2026-01-01T03:12:00.000Z',
      detail: 'All places of this executor are taken: 20 runs wait, 10 of 10 places are taken',
    });
  });

  test('it waits here for a fair turn though places are free', () => {
    const gate = workerGate(given(), { ...worker, running: 5, holds: () => 'waiting' }, now, 10);
    expect(gate).toMatchObject({ state: 'closed', detail: 'Waits for a place here: 20 runs wait, 5 of 10 places are taken' });
  });

  test('a free place: open', () => {
    expect(workerGate(given(), { ...worker, running: 0 }, now, 10)).toMatchObject({ state: 'open', expected: null });
  });

  test('it runs: the step, its attempt, since when, and what went wrong before', () => {
    const step = {
      step_id: 'extract',
      step_type: 'bigquery.copy',
      status: 'RUNNING' as const,
      attempt: 2,
      rows_processed: null,
      error,
      started_at: at,
      ended_at: null,
      sequence: 3,
    };
    const gate = workerGate(given({ status: 'RUNNING', started_at: at, steps: new Map([['extract', step]]) }), here, now, 10);
    expect(gate).toMatchObject({
      state: 'passed',
      detail: `An executor works on extract (bigquery.copy, attempt 2, since ${at}, after bigquery.rate_limit: Exceeded rate limits. It is tried again by itself.)`,
    });
  });

  test('it is in the hands of another executor, or of one that is gone: what was heard of it last, and when it goes on', () => {
    const step = { step_id: 'extract', step_type: 'http.extract', status: 'RUNNING' as const, attempt: 1, started_at: at, sequence: 5000 };
    const steps = new Map([['extract', { ...step, rows_processed: null, error: null, ended_at: null }]]);
    const running = { status: 'RUNNING' as const, started_at: at, sequence: 5000 };
    const gone =
      'Last heard of at 2026-01-01T03:00:05.000Z; should its executor be gone, another goes on when the lease of its message ends, about a minute after';
    expect(workerGate(given({ ...running, steps }), worker, now, 100).detail).toBe(
      `An executor works on extract (http.extract, attempt 1, since ${at}). ${gone}`,
    );
    // Nothing is known of steps from before this executor listened.
    expect(workerGate(given({ ...running, cancel_reason: 'by me' }), worker, now, 100).detail).toBe(
      `An executor has taken it up. ${gone}. It is to be cancelled: by me`,
    );
    expect(workerGate(given(), worker, now, 100)).toMatchObject({
      state: 'open',
      detail: expect.stringContaining('Should an executor that took it up be gone, another goes on'),
    });
  });

  test('it ended: how, where, and what can be done', () => {
    expect(workerGate(given({ status: 'FAILED', started_at: at, error }), worker, now, 10).detail).toBe(
      'It ended as FAILED in step extract: bigquery.rate_limit: Exceeded rate limits. It is tried again by itself.',
    );
  });
});
