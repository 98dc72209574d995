import { TENANT_ID_PATTERN, TenantNotice } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import type { Tenant } from '@convergence/tenants';
import Type from 'typebox';
import type { Tenants } from '../tenants.ts';
import { tenantOf } from './operation-route.ts';

/** Notices are rare; a repeat comes within seconds or not at all. */
const REMEMBERED = 1000;

/** Tells the people of a tenant something. A repeat that meets another process is told again: better twice than never. */
export function noticesCreateRoute({ slice, mailer, log }: Pick<Tenants, 'slice' | 'mailer' | 'log'>) {
  const told = new Set<string>();
  return internalRoute(
    {
      method: 'POST',
      path: '/internal/tenants/{tenant_id}/notices',
      callers: ['scheduler-service'],
      params: Type.Object({ tenant_id: Type.String({ pattern: TENANT_ID_PATTERN }) }),
      body: TenantNotice,
      response: Type.Object({ told: Type.Boolean() }),
    },
    async ({ params, body }) => {
      const tenant = tenantOf(slice, params.tenant_id);
      const id = `${tenant.tenant_id}/${body.notice_id}`;
      if (told.has(id)) return { body: { told: false } };
      const to = addressees(tenant, body).join(', ');
      await mailer.send({ id: `notice/${id}`, to, subject: body.subject, text: `Hello ${tenant.company_name},\n\n${body.text}\n` });
      log.info({ tenant_id: tenant.tenant_id, notice_id: body.notice_id }, 'a notice was sent');
      told.add(id);
      for (const oldest of told) {
        if (told.size <= REMEMBERED) break;
        told.delete(oldest);
      }
      return { body: { told: true } };
    },
  );
}

function addressees({ provider_configs, admin_email }: Tenant, { provider, domain }: TenantNotice): readonly string[] {
  const fits = (held: Tenant['provider_configs'][number]): boolean =>
    held.is_active &&
    held.provider.toUpperCase() === provider.toUpperCase() &&
    (held.domain ?? domain).toUpperCase() === domain.toUpperCase();
  const emails = provider_configs.filter(fits).flatMap((held) => held.notification_emails);
  return emails.length > 0 ? [...new Set(emails)] : [admin_email];
}
