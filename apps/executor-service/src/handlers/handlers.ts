import { SUBSCRIPTIONS } from '@convergence/contracts';
import type { SubscriptionSpec } from '@convergence/service';
import type { Executor } from '../executor.ts';
import { onRunCancelled } from './run-cancelled.ts';
import { indexAdmitted, indexCompleted, indexProgress } from './run-indexed.ts';
import { ignoreHeartbeat, recordAdmitted, recordCancelled, recordCompleted, recordProgress } from './run-recorded.ts';
import { onRunRequested } from './run-requested.ts';
import { onTenantChanged } from './tenant-changed.ts';

function named(topic: string, consumer: string) {
  const found = SUBSCRIPTIONS.find((s) => s.topic === topic && s.consumer === consumer);
  if (!found) throw new Error(`contracts declare no subscription ${topic}.${consumer}`);
  return found;
}

/** Everything this service listens to. */
export function subscriptions(executor: Executor): SubscriptionSpec[] {
  const { instance, concurrency } = executor;
  // All that arrived while a statement ran is one batch of the next.
  const recorder = { maxMessages: 5_000, maxBatch: 5_000 } as const;
  const heard = { instance, maxMessages: 5_000, maxBatch: 500 } as const;
  return [
    // As many more as are in work: some wait for the word that their message is settled, and among the others there is a choice between
    // tenants. The rest is left to other instances.
    {
      subscription: named('run-requested', 'executor-service'),
      handlers: [onRunRequested(executor)],
      maxMessages: concurrency * 2 + 10,
      maxBatch: 1,
      maxMinutes: 24 * 60,
    },
    { subscription: named('run-admitted', 'executor-recorder'), handlers: [recordAdmitted(executor)], ...recorder },
    { subscription: named('run-progress', 'executor-recorder'), handlers: [recordProgress(executor), ignoreHeartbeat()], ...recorder },
    { subscription: named('run-completed', 'executor-recorder'), handlers: [recordCompleted(executor)], ...recorder },
    { subscription: named('run-cancelled', 'executor-recorder'), handlers: [recordCancelled(executor)], ...recorder },
    { subscription: named('run-admitted', 'executor-index'), handlers: [indexAdmitted(executor)], ...heard },
    { subscription: named('run-progress', 'executor-index'), handlers: [indexProgress(executor), ignoreHeartbeat()], ...heard },
    { subscription: named('run-completed', 'executor-index'), handlers: [indexCompleted(executor)], ...heard },
    { subscription: named('run-cancelled', 'executor-service'), handlers: [onRunCancelled(executor)], instance },
    { subscription: named('tenant-changed', 'executor-service'), handlers: [onTenantChanged(executor)], instance },
  ];
}
