import { SUBSCRIPTIONS } from '@convergence/contracts';
import type { EventHandler, SubscriptionSpec } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { orphanSweepHandler } from './orphan-sweep.ts';
import { quotaResetHandler } from './quota-reset.ts';
import { runCompletedHandler } from './run-completed.ts';
import { runHeartbeatHandler } from './run-heartbeat.ts';
import { runProgressHandler } from './run-progress.ts';

/** By topic: who handles which of its events. */
const HANDLERS: Readonly<Record<string, readonly ((tenants: Tenants) => EventHandler)[]>> = {
  'run-progress': [runProgressHandler, runHeartbeatHandler],
  'run-completed': [runCompletedHandler],
  'quota-reset': [quotaResetHandler],
  'orphan-sweep': [orphanSweepHandler],
};

export const subscriptions = (tenants: Tenants): readonly SubscriptionSpec[] =>
  SUBSCRIPTIONS.filter((subscription) => subscription.consumer === 'tenant-service').map((subscription) => {
    const handlers = HANDLERS[subscription.topic];
    if (!handlers) throw new Error(`nobody handles ${subscription.topic}`);
    return { subscription, handlers: handlers.map((handler) => handler(tenants)) };
  });
