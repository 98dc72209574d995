import type { Channel } from '@convergence/pipelines';
import type { StepContext, TenantContext } from '../step.ts';

/** Who is told on a channel: as the provider configuration of the template's domain says, else the tenant's own e-mail. */
export async function recipientsOf(
  channel: Channel,
  of: { readonly provider: string; readonly domain: string },
  context: Pick<TenantContext, 'provider_configs' | 'admin_email'>,
  open: StepContext['openSealed'],
): Promise<{ readonly to: readonly string[]; readonly secret: string | undefined }> {
  const config = context.provider_configs.find(
    (c) => c.provider.toLowerCase() === of.provider.toLowerCase() && c.domain.toLowerCase() === of.domain.toLowerCase(),
  );
  const option = async (name: string): Promise<string | undefined> => {
    const value = config?.options[name];
    const sealed = (value as { readonly sealed?: unknown } | null | undefined)?.sealed;
    if (config && typeof sealed === 'string') return open(config.config_id, sealed);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  if (channel === 'email')
    return { to: config?.notification_emails.length ? config.notification_emails : [context.admin_email], secret: undefined };
  const url = await option(channel === 'webhook' ? 'webhook_url' : 'slack_webhook_url');
  return { to: url === undefined ? [] : [url], secret: channel === 'webhook' ? await option('webhook_secret') : undefined };
}
