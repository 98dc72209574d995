/**
 * tenant-service: owns tenants with their keys, plans, credentials and quotas, and decides which runs may start.
 */
import type { Bus, Clock, Keys, Warehouse } from '@convergence/ports';
import type { BuildContext, Built } from '@convergence/service';
import { isNameless } from '@convergence/tenants';
import { takeEffect } from './billing/billing-effects.ts';
import { BillingQueue } from './billing/billing-queue.ts';
import type { TenantConfig } from './config.ts';
import { subscriptions } from './handlers/handlers.ts';
import { Housekeeping } from './housekeeping.ts';
import type { Mailer } from './mail/mailer.ts';
import { measure } from './measure.ts';
import { Onboarding } from './onboarding/onboarding.ts';
import { Preparation } from './onboarding/preparation.ts';
import { resetQuotas } from './reset-quotas.ts';
import { routes } from './routes/routes.ts';
import { RunEnds } from './run-ends.ts';
import { sweepOrphans } from './sweep-orphans.ts';
import type { Tenants } from './tenants.ts';
import type { TenantsSlice } from './tenants-slice.ts';

export interface TenantParts {
  readonly slice: TenantsSlice;
  readonly bus: Bus;
  readonly keys: Keys;
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  readonly mailer: Mailer;
  readonly instance: string;
}
const NAMELESS =
  'the row of a tenant was gone from tenant_profiles: the tenant stands as SUSPENDED; set its company_name, admin_email and status, or purge it';
/** Datasets of the house, besides the central one: no tenant may be called so. */
const HOUSE_DATASETS = ['customers_metadata', 'information_schema', 'convergence', 'public'];

export function tenantService(context: BuildContext<TenantConfig>, parts: TenantParts): Built {
  const { slice, bus, keys, warehouse, mailer } = parts;
  const { config } = context;
  const tools = { ...parts, config, log: context.log, metrics: context.metrics, runEnds: new RunEnds() };
  const preparation = new Preparation({ ...tools, dataset: config.dataset, location: config.location });
  const onboarding = new Onboarding({
    ...tools,
    preparation,
    dryrunWaitMs: config.dryrunWaitSeconds * 1000,
    reserved: new Set([config.dataset, ...HOUSE_DATASETS]),
  });
  const billing = new BillingQueue({ ...tools, takeEffect: (event) => takeEffect(event, { ...tools, onboarding }) });
  const tenants: Tenants = { ...tools, preparation, onboarding, billing };
  const housekeeping = new Housekeeping({
    ...tools,
    resetQuotas: () => resetQuotas(tenants),
    sweepOrphans: () => sweepOrphans(tenants),
  });
  measure(tenants);
  slice.onFenced((reason) => context.exit(reason, 1));
  return {
    routes: routes(tenants),
    bus,
    subscriptions: subscriptions(tenants),
    ready: {
      'Pub/Sub': () => bus.check(),
      BigQuery: () => warehouse.check(),
      KMS: () => keys.check(),
      journal: () => {
        if (!slice.ready) throw new Error('the journal does not answer, or the owner is another');
      },
    },
    start: async () => {
      for (const tenant of slice.state.tenants.values()) {
        if (isNameless(tenant)) context.log.error({ tenant_id: tenant.tenant_id }, NAMELESS);
      }
      housekeeping.start();
      billing.start();
      onboarding.resume();
    },
    stop: [
      () => Promise.all([bus.close(), keys.close(), warehouse.close()]),
      () => slice.close(),
      () => Promise.all([housekeeping.stop(), billing.stop(), preparation.stop(), onboarding.stop(), mailer.close()]),
    ],
  };
}
