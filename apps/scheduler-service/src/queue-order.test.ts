import { emptyState, itemOf, putItem, type QueueItem, queueRow } from '@convergence/schedules';
import { describe, expect, test } from '@jest/globals';
import { queueOrder } from './queue-order.ts';

const NOW = 1_000_000;
let ids = 0;
const item = (over: Partial<QueueItem> = {}): QueueItem => ({
  run_id: `run-${String(++ids).padStart(6, '0')}`,
  config_id: `schedule-${ids}`,
  backfill_id: null,
  trigger_by: null,
  asked_by: null,
  tenant_id: 'acme',
  provider: 'GCP',
  domain: 'COST',
  pipeline_template: 'billing',
  parameters: {},
  lane: 'live',
  priority: 5,
  overlap: 'skip',
  scheduled_time: NOW,
  added_at: NOW,
  expires_at: 2 * NOW,
  max_retries: 3,
  stage: 'waiting',
  attempts: 0,
  retry_count: 0,
  not_before: 0,
  hold: null,
  claimed_until: 0,
  processing_started_at: null,
  pipeline_logging_id: null,
  last_error: null,
  ...over,
});
const queue = (...items: QueueItem[]) => {
  const state = emptyState();
  for (const one of items) putItem(state, one);
  return state;
};

describe('the queue in order', () => {
  test('what is under way, what goes next, what is held by when it is expected', () => {
    const hold = (expected: number | null) => ({ gate: 'same_pipeline', detail: 'live', since: NOW, until: 2 * NOW, expected });
    const state = queue(
      item({ run_id: 'held-for-long', hold: hold(null), tenant_id: 'a' }),
      item({ run_id: 'held', hold: hold(NOW + 5), tenant_id: 'b' }),
      item({ run_id: 'low', priority: 1 }),
      item({ run_id: 'high', priority: 10 }),
      item({ run_id: 'running', stage: 'running', tenant_id: 'c' }),
    );
    expect(queueOrder(state, NOW).map(({ item: { run_id } }) => run_id)).toEqual(['running', 'high', 'low', 'held', 'held-for-long']);
  });
  test('nothing waits without a reason but its turn: not even the second of a schedule', () => {
    const state = queue(item({ config_id: 'hourly', overlap: 'queue' }), item({ config_id: 'hourly', overlap: 'queue' }));
    expect(queueOrder(state, NOW).map(({ hold }) => hold?.gate)).toEqual([undefined, 'same_schedule']);
  });
  test('of a long queue, looks within a second are one look', () => {
    const state = queue(...Array.from({ length: 10_001 }, (_, n) => item({ tenant_id: `tenant_${n % 100}` })));
    const first = queueOrder(state, NOW);
    expect(first).toHaveLength(10_001);
    expect(queueOrder(state, NOW + 999)).toBe(first);
    expect(queueOrder(state, NOW + 1000)).not.toBe(first);
    expect(queueOrder(state, NOW + 1000)).toEqual(first);
  });
});

describe('a lane that can not go', () => {
  test('dozes, and wakes when its wait is over or something happens to its tenant', () => {
    const later = item({ not_before: NOW + 100 });
    const state = queue(later, item({ run_id: 'other', tenant_id: 'globex' }));
    expect(state.queue.pick(NOW, 10).map(({ run_id }) => run_id)).toEqual(['other']);
    expect(state.queue.pick(NOW + 50, 10)).toHaveLength(1);
    expect(state.queue.pick(NOW + 100, 10)).toHaveLength(2);
    state.queue.change(later.run_id, (waiting) => {
      waiting.not_before = NOW + 10_000;
    });
    expect(state.queue.pick(NOW + 200, 10)).toHaveLength(1);
    putItem(state, item({ run_id: 'newcomer' }));
    expect(
      state.queue
        .pick(NOW + 201, 10)
        .map(({ run_id }) => run_id)
        .sort(),
    ).toEqual(['newcomer', 'other']);
    state.queue.change(later.run_id, (waiting) => {
      waiting.not_before = 0;
    });
    expect(state.queue.pick(NOW + 202, 10)).toHaveLength(3);
  });
  test('wakes when the run before of its schedule ends', () => {
    const state = queue(
      item({ run_id: 'first', config_id: 'hourly', stage: 'running' }),
      itemOf(queueRow(item({ run_id: 'second', config_id: 'hourly' }), null)),
    );
    expect(state.queue.pick(NOW, 10)).toEqual([]);
    state.queue.remove('first');
    expect(state.queue.pick(NOW, 10).map(({ run_id }) => run_id)).toEqual(['second']);
  });
});
