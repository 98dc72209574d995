/** What the service is made of, as its routes and handlers see it. */
import type { Clock, Keys, Warehouse } from '@convergence/ports';
import type { Log, Metrics } from '@convergence/service';
import type { BillingQueue } from './billing/billing-queue.ts';
import type { TenantConfig } from './config.ts';
import type { Mailer } from './mail/mailer.ts';
import type { Onboarding } from './onboarding/onboarding.ts';
import type { Preparation } from './onboarding/preparation.ts';
import type { RunEnds } from './run-ends.ts';
import type { TenantsSlice } from './tenants-slice.ts';

export interface Tenants {
  readonly slice: TenantsSlice;
  readonly keys: Keys;
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  readonly config: TenantConfig;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly runEnds: RunEnds;
  readonly preparation: Preparation;
  readonly onboarding: Onboarding;
  readonly billing: BillingQueue;
  readonly mailer: Mailer;
  /** Unique to this process. */
  readonly instance: string;
}
