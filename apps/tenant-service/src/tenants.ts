/** What the service is made of, as its routes and handlers see it. */
import type { Principal } from '@convergence/contracts';
import type { Clock, Keys, Warehouse } from '@convergence/ports';
import { type Call, currentTraceId, type Log, type Metrics } from '@convergence/service';
import type { CommandMeta, Slice } from '@convergence/slice';
import type { ReplyOf, TenantCommand, TenantsState } from '@convergence/tenants';
import type { BillingQueue } from './billing/billing-queue.ts';
import type { TenantConfig } from './config.ts';
import type { Mailer } from './mail/mailer.ts';
import type { Onboarding } from './onboarding/onboarding.ts';
import type { Preparation } from './onboarding/preparation.ts';
import type { RunEnds } from './run-ends.ts';

export type TenantsSlice = Slice<TenantsState, TenantCommand>;

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

/** The service itself, where nobody asked. */
export const ITSELF: Principal = { kind: 'service', service: 'tenant-service' };

/** Who asks, for the audit trail, and the trace that the command belongs to. */
export const asked = (call: Pick<Call, 'principal'> | { readonly principal: Principal }): CommandMeta => ({
  actor: call.principal,
  traceId: currentTraceId(),
});

/** `slice.execute` with the reply's type by the command's kind. */
export const execute = <C extends TenantCommand>(slice: TenantsSlice, command: C, meta: CommandMeta): Promise<ReplyOf<C>> =>
  slice.execute<ReplyOf<C>>(command, meta);
