import type { Route } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { admissionsCreateRoute } from './admissions.create.ts';
import { apiKeysCreateRoute } from './api-keys.create.ts';
import { apiKeysListRoute } from './api-keys.list.ts';
import { apiKeysLookupRoute } from './api-keys.lookup.ts';
import { apiKeysRevokeRoute } from './api-keys.revoke.ts';
import { apiKeysRotateRoute } from './api-keys.rotate.ts';
import { apiKeysUsedRoute } from './api-keys.used.ts';
import { commandsMadeRoute, commandsNameRoute } from './commands.ts';
import { credentialsChangeRoute } from './credentials.change.ts';
import { credentialsCreateRoute } from './credentials.create.ts';
import { credentialsListRoute } from './credentials.list.ts';
import { credentialsRemoveRoute } from './credentials.remove.ts';
import { journalListRoute } from './journal.list.ts';
import { noticesCreateRoute } from './notices.create.ts';
import { providerConfigsChangeRoute } from './provider-configs.change.ts';
import { providerConfigsCreateRoute } from './provider-configs.create.ts';
import { providerConfigsListRoute } from './provider-configs.list.ts';
import { providerConfigsRemoveRoute } from './provider-configs.remove.ts';
import { runsGetRoute } from './runs.get.ts';
import { runsWhyRoute, tenantsGatesRoute } from './runs.why.ts';
import { subscriptionChangeRoute } from './subscriptions.change.ts';
import { subscriptionGetRoute } from './subscriptions.get.ts';
import { tenantsCancelRoute } from './tenants.cancel.ts';
import { tenantsChangeRoute } from './tenants.change.ts';
import { tenantsChangesRoute } from './tenants.changes.ts';
import { tenantsGetRoute } from './tenants.get.ts';
import { tenantsListRoute } from './tenants.list.ts';
import { tenantsOnboardRoute } from './tenants.onboard.ts';
import { tenantsQuotaRoute } from './tenants.quota.ts';
import { tenantsRunContextRoute } from './tenants.run-context.ts';
import { tenantsUsageRoute } from './tenants.usage.ts';
import { orphanSweepRoute, quotaResetRoute } from './ticks.ts';
import { webhooksStripeRoute } from './webhooks.stripe.ts';

export const routes = (tenants: Tenants): readonly Route[] => [
  tenantsOnboardRoute(tenants),
  tenantsListRoute(tenants),
  tenantsGetRoute(tenants),
  tenantsChangeRoute(tenants),
  tenantsCancelRoute(tenants),
  tenantsQuotaRoute(tenants),
  tenantsUsageRoute(tenants),
  subscriptionGetRoute(tenants),
  subscriptionChangeRoute(tenants),
  apiKeysListRoute(tenants),
  apiKeysCreateRoute(tenants),
  apiKeysRevokeRoute(tenants),
  apiKeysRotateRoute(tenants),
  credentialsListRoute(tenants),
  credentialsCreateRoute(tenants),
  credentialsChangeRoute(tenants),
  credentialsRemoveRoute(tenants),
  providerConfigsListRoute(tenants),
  providerConfigsCreateRoute(tenants),
  providerConfigsChangeRoute(tenants),
  providerConfigsRemoveRoute(tenants),
  webhooksStripeRoute(tenants),
  journalListRoute(tenants),
  admissionsCreateRoute(tenants),
  commandsNameRoute(tenants),
  commandsMadeRoute(tenants),
  apiKeysLookupRoute(tenants),
  apiKeysUsedRoute(tenants),
  tenantsRunContextRoute(tenants),
  tenantsChangesRoute(tenants),
  tenantsGatesRoute(tenants),
  runsGetRoute(tenants),
  runsWhyRoute(tenants),
  noticesCreateRoute(tenants),
  quotaResetRoute(tenants),
  orphanSweepRoute(tenants),
];
