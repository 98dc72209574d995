import { SUBSCRIPTIONS } from '@convergence/contracts';
import type { SubscriptionSpec } from '@convergence/service';
import type { Scheduler } from '../scheduler.ts';
import { queueTickHandler } from './queue-tick.ts';
import { runCompletedHandler } from './run-completed.ts';
import { scheduleTickHandler } from './schedule-tick.ts';
import { tenantChangedHandler } from './tenant-changed.ts';

const HANDLERS = {
  'run-completed': runCompletedHandler,
  'tenant-changed': tenantChangedHandler,
  'schedule-tick': scheduleTickHandler,
  'queue-tick': queueTickHandler,
} as const;

export const subscriptions = (scheduler: Scheduler): readonly SubscriptionSpec[] =>
  SUBSCRIPTIONS.filter((subscription) => subscription.consumer === 'scheduler-service').map((subscription) => ({
    subscription,
    handlers: [HANDLERS[subscription.topic](scheduler)],
  }));
