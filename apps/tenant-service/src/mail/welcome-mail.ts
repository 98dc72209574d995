import type { Tenant } from '@convergence/tenants';
import type { Mail } from './mailer.ts';

/** The first e-mail. `apiKey` only where there is no other way to hand it over: nobody waits for an answer of a checkout. */
export function welcomeMail(
  tenant: Pick<Tenant, 'tenant_id' | 'company_name' | 'admin_email' | 'subscription'>,
  apiKey?: { readonly api_key_id: string; readonly text: string },
): Mail {
  const { subscription } = tenant;
  return {
    id: `welcome/${tenant.tenant_id}/${apiKey?.api_key_id ?? ''}`,
    to: tenant.admin_email,
    subject: `Welcome to Convergence, ${tenant.company_name}`,
    text: [
      `${tenant.company_name} is set up as tenant ${tenant.tenant_id} on the plan ${subscription.plan_name}:`,
      `${subscription.max_pipelines_per_day} pipeline runs a day, ${subscription.max_pipelines_per_month} a month, ${subscription.max_concurrent_pipelines} at the same time.`,
      '',
      ...(apiKey
        ? [
            'Your API key, shown only here; keep it safe and rotate it soon:',
            '',
            `    ${apiKey.text}`,
            '',
            'Send it as the header X-API-Key.',
          ]
        : ['Your API key was shown when the tenant was made. Send it as the header X-API-Key.']),
      '',
      'Next: add the credentials of your cloud accounts, then schedule a pipeline. /docs describes every call.',
      '',
    ].join('\n'),
  };
}
