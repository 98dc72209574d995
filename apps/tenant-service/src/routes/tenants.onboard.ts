import { tenantsOnboard } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { operationRoute } from './operation-route.ts';

export const tenantsOnboardRoute = ({ onboarding }: Pick<Tenants, 'onboarding'>) =>
  operationRoute(tenantsOnboard, async ({ body, principal, signal }) => ({ body: await onboarding.onboard(body, principal, signal) }));
