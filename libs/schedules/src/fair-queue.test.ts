import { expect, test } from '@jest/globals';
import { FairQueue } from './fair-queue.ts';
import type { QueueItem } from './schedule.ts';

const item = (tenant_id: string, n: number): QueueItem => ({
  run_id: `${tenant_id}-${n}`,
  config_id: `schedule-of-${tenant_id}-${n}`,
  backfill_id: null,
  trigger_by: null,
  asked_by: null,
  tenant_id,
  provider: 'GCP',
  domain: 'COST',
  pipeline_template: 'billing_cost',
  parameters: {},
  lane: 'live',
  priority: 5,
  overlap: 'allow',
  scheduled_time: 0,
  added_at: n,
  expires_at: 1e12,
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
});
function queueOf(weights: Readonly<Record<string, number>>): FairQueue {
  const queue = new FairQueue();
  for (const [tenant, weight] of Object.entries(weights)) {
    queue.setWeight(tenant, weight);
    for (let n = 0; n < 200; n++) queue.add(item(tenant, n));
  }
  return queue;
}
const counted = (items: readonly QueueItem[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { tenant_id } of items) counts[tenant_id] = (counts[tenant_id] ?? 0) + 1;
  return counts;
};

test('one pick of many is shared by weight before any of it is claimed', () => {
  expect(counted(queueOf({ one: 1, two: 2, four: 4 }).pick(0, 70))).toEqual({ one: 10, two: 20, four: 40 });
});

test('turns of claims that came to nothing are given back: who got none of a round catches up in the next', () => {
  const queue = queueOf({ one: 1, two: 2, four: 4 });
  const round = queue.pick(0, 70);
  for (const { run_id } of round) queue.claim(run_id);
  for (const { run_id, tenant_id } of round) if (tenant_id === 'four') queue.giveBack(run_id, true);
  expect(counted(queue.pick(0, 40))).toEqual({ four: 40 });
});
