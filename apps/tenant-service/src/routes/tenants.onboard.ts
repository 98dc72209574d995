import { tenantsOnboard } from '@convergence/contracts';
import { commandOf } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { operationRoute } from './operation-route.ts';

export const tenantsOnboardRoute = ({ onboarding }: Pick<Tenants, 'onboarding'>) =>
  operationRoute(tenantsOnboard, async ({ body, principal, request, signal }) => ({
    body: await onboarding.onboard(body, principal, commandOf(request), signal),
  }));
