import { RunContextResponse, TENANT_ID_PATTERN } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import Type from 'typebox';
import type { Tenants } from '../tenants.ts';
import { tenantOf } from './operation-route.ts';

/** What an executor needs of a tenant. Secrets are still sealed: it opens one inside the step that needs it. */
export const tenantsRunContextRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  internalRoute(
    {
      method: 'GET',
      path: '/internal/tenants/{tenant_id}/run-context',
      callers: ['executor-service'],
      params: Type.Object({ tenant_id: Type.String({ pattern: TENANT_ID_PATTERN }) }),
      response: RunContextResponse,
    },
    ({ params }) => {
      const tenant = tenantOf(slice, params.tenant_id);
      return {
        body: {
          tenant_id: tenant.tenant_id,
          company_name: tenant.company_name,
          admin_email: tenant.admin_email,
          dataset: tenant.tenant_id,
          plan: tenant.subscription.plan_name,
          status: tenant.status,
          credentials: tenant.credentials
            .filter((held) => held.is_active)
            .map(({ credential_id, provider, credential_type, credential_name, project_id, sealed }) => ({
              credential_id,
              provider,
              credential_type,
              credential_name,
              project_id,
              sealed,
            })),
          provider_configs: tenant.provider_configs
            .filter((held) => held.is_active)
            .map(({ config_id, provider, domain, source_project_id, source_dataset, notification_emails, options }) => ({
              config_id,
              provider,
              domain,
              source_project_id,
              source_dataset,
              notification_emails: [...notification_emails],
              options: { ...options },
            })),
        },
      };
    },
  );
