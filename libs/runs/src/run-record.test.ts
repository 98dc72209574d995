import type { RunError } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { heardCompleted, heardProgress, heardRequested, newRecord } from './run-record.ts';

const identity = { run_id: '00000000-0000-4000-8000-000000000001', tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-x' };
const at = (s: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, s)).toISOString();
const spec = {
  ...identity,
  provider: 'gcp',
  domain: 'cost',
  template: 'x',
  parameters: {},
  parameters_hash: '0'.repeat(64),
  run_date: null,
  trigger_type: 'api' as const,
  trigger_by: null,
  user_id: null,
  lane: 'live' as const,
  scheduled_run_id: null,
  retry_of: null,
  retry_from: null,
};
const progress = (sequence: number, step?: { status: 'RUNNING' | 'COMPLETE' | 'FAILED'; attempt?: number }) => ({
  ...identity,
  sequence,
  at: at(sequence),
  admitted_at: at(0),
  kind: step ? ('step' as const) : ('started' as const),
  template_version: 1,
  template_hash: 'h',
  step: step ? { step_id: 's', step_type: 't', status: step.status, attempt: step.attempt ?? 1, rows_processed: null, error: null } : null,
});
const completed = (sequence: number, status: 'COMPLETE' | 'FAILED', error: RunError | null = null) => ({
  ...identity,
  sequence,
  status,
  admitted_at: at(0),
  started_at: at(1),
  ended_at: at(sequence),
  did_work: true,
  retryable: false,
  error,
  trigger_type: 'api' as const,
  scheduled_run_id: null,
});

/** Every order of a few things. */
function orders<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => orders([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]));
}

describe('what is known of a run', () => {
  const events = [
    (r: ReturnType<typeof newRecord>) => heardRequested(r, { ...spec, admitted_at: at(0) }),
    (r: ReturnType<typeof newRecord>) => heardProgress(r, progress(1)),
    (r: ReturnType<typeof newRecord>) => heardProgress(r, progress(2, { status: 'RUNNING' })),
    (r: ReturnType<typeof newRecord>) => heardProgress(r, progress(3, { status: 'COMPLETE' })),
    (r: ReturnType<typeof newRecord>) => heardCompleted(r, completed(4, 'COMPLETE')),
  ];
  const told = (order: typeof events) => {
    const record = newRecord(identity, at(0));
    for (const tell of order) tell(record);
    return record;
  };

  test('is the same in whatever order it was told, and when everything is told twice', () => {
    const expected = told(events);
    expect(expected).toMatchObject({ status: 'COMPLETE', started_at: at(1), ended_at: at(4), sequence: 4 });
    expect(expected.steps.get('s')).toMatchObject({ status: 'COMPLETE', started_at: at(2), ended_at: at(3) });
    for (const order of orders(events)) {
      expect(told(order)).toEqual(expected);
      expect(told([...order, ...order])).toEqual(expected);
    }
  });

  test('its template is the one that it ended in, else the first that it started with, in whatever order it is told', () => {
    const start = (at_: number, hash: string) => (r: ReturnType<typeof newRecord>) =>
      heardProgress(r, { ...progress(at_), template_hash: hash });
    const end = (hash?: string) => (r: ReturnType<typeof newRecord>) =>
      heardCompleted(r, { ...completed(4, 'COMPLETE'), started_at: at(2), ...(hash && { template_hash: hash, template_version: 2 }) });
    for (const order of orders([start(1, 'a'), start(2, 'b')])) expect(told(order).template_hash).toBe('a');
    for (const order of orders([start(1, 'a'), start(2, 'b'), end('b')]))
      expect(told(order)).toMatchObject({ template_hash: 'b', template_version: 2 });
    expect(told([start(1, 'a'), end()]).template_hash).toBe('a');
  });

  test('never moves back: a late start or a second end changes nothing', () => {
    const record = told(events);
    heardProgress(record, progress(9));
    heardCompleted(record, completed(10, 'FAILED'));
    expect(record).toMatchObject({ status: 'COMPLETE', ended_at: at(4) });
  });
});
