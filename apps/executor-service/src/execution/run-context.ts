/**
 * What an executor needs of a tenant. Remembered for a minute, forgotten when the tenant changes; its secrets stay sealed here and
 * are opened for the step that needs them only.
 */
import { type RunContextResponse, Transient } from '@convergence/contracts';
import type { Clock, Keys } from '@convergence/ports';
import type { InternalClient } from '@convergence/service';
import { type Credential, StepFailure } from '@convergence/steps';

const KEEP_MS = 60_000;
const KEEP_MOST = 5_000;

export interface RunContexts {
  of(tenantId: string): Promise<RunContextResponse>;
  forget(tenantId: string): void;
}

export function runContexts(client: Pick<InternalClient, 'call'>, clock: Pick<Clock, 'now'>): RunContexts {
  const kept = new Map<string, { readonly at: number; readonly context: Promise<RunContextResponse> }>();
  return {
    of(tenantId) {
      const found = kept.get(tenantId);
      if (found && clock.now() - found.at < KEEP_MS) return found.context;
      const context = client.call<RunContextResponse>({
        method: 'GET',
        path: `/internal/tenants/${tenantId}/run-context`,
        principal: { kind: 'service', service: 'executor-service' },
        timeoutMs: 10_000,
      });
      if (kept.size >= KEEP_MOST) for (const oldest of kept.keys()) if (kept.delete(oldest)) break;
      kept.set(tenantId, { at: clock.now(), context });
      context.catch(() => kept.get(tenantId)?.context === context && kept.delete(tenantId));
      return context;
    },
    forget: (tenantId) => void kept.delete(tenantId),
  };
}

export async function openCredential(context: RunContextResponse, provider: string, keys: Pick<Keys, 'open'>): Promise<Credential> {
  const sealed = context.credentials.find((c) => c.provider.toLowerCase() === provider.toLowerCase());
  if (!sealed)
    throw new StepFailure('credential', 'credential.missing', `There is no ${provider.toUpperCase()} credential.`, {
      hint: `Add one: POST /api/v1/tenants/${context.tenant_id}/credentials.`,
    });
  try {
    const opened = await keys.open('credentials', { tenantId: context.tenant_id, recordId: sealed.credential_id }, sealed.sealed);
    const secret = JSON.parse(opened.toString('utf8')) as Record<string, unknown>;
    return { credential_id: sealed.credential_id, provider: sealed.provider, project_id: sealed.project_id, secret };
  } catch (error) {
    if (error instanceof Transient) throw error;
    throw new StepFailure('credential', 'credential.unreadable', `The ${provider.toUpperCase()} credential can not be opened.`, {
      hint: 'Store it again.',
      cause: error,
    });
  }
}

/** Opens what the tenant keeps sealed with another of its records. */
export const sealedOf =
  (tenantId: string, keys: Pick<Keys, 'open'>) =>
  async (recordId: string, sealed: string): Promise<string> =>
    (await keys.open('credentials', { tenantId, recordId }, sealed)).toString('utf8');
