import { Refusal, type RunAccepted, type RunSpec, refusalOf, type TenantId, type WhyPart } from '@convergence/contracts';
import type { Clock } from '@convergence/ports';
import { admitAfterEnd, type InternalClient, idOfMade, noteMade } from '@convergence/service';
import type { Admit } from '../admissions.ts';
import type { Handle } from '../forward.ts';
import type { Owners } from '../owners.ts';
import type { Templates } from '../templates.ts';

export interface RunTools {
  readonly templates: Templates;
  readonly admit: Admit;
  readonly owners: Owners;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
}

/** A run asked for by hand: resolve it against its template, have it admitted unless it was before, say which run it is. */
export const pipelinesRunRoute =
  ({ templates, admit, owners, clock }: RunTools): Handle =>
  async ({ params, body, principal, command }) => {
    const { trigger_by, ...parameters } = body as { trigger_by?: unknown } & Record<string, unknown>;
    const tenantId = params.tenant_id as TenantId;
    const { provider, domain, template } = params as { provider: string; domain: string; template: string };
    const resolved = templates.resolve({ tenantId, provider, domain, template, parameters, now: clock.now() });
    const userId = 'userId' in principal ? principal.userId : undefined;
    const run: RunSpec = {
      ...resolved,
      run_id: idOfMade('run', command),
      tenant_id: tenantId,
      trigger_type: 'api',
      trigger_by: named(trigger_by) ?? userId ?? null,
      user_id: userId ?? null,
      lane: 'live',
      scheduled_run_id: null,
      retry_of: null,
      retry_from: null,
    };
    const accepted = (pipeline_logging_id: string, status: RunAccepted['status'] = 'PENDING') => ({
      body: {
        pipeline_logging_id,
        pipeline_id: run.pipeline_id,
        tenant_id: tenantId,
        customer_id: tenantId,
        status,
        message: `Pipeline ${run.template} ${pipeline_logging_id === run.run_id ? 'triggered successfully' : 'already running - returning existing'}`,
      },
    });
    if (command?.made) return accepted(command.made);
    const decision = await admitAfterEnd(
      () => admit({ run, by: principal, command: command?.id }),
      (runId) => hasEnded(runId, owners.of('executor-service', tenantId)),
      clock,
    );
    switch (decision.outcome) {
      case 'admitted':
        return accepted(run.run_id);
      case 'existing':
        if (command) await noteMade(owners.of('tenant-service', tenantId), 'gateway', command, decision.existing_run_id);
        return accepted(decision.existing_run_id, decision.status);
      case 'refused':
        throw refusalOf(decision, tenantId, clock.now());
      default:
        return decision satisfies never;
    }
  };

/** As far as the executors know: where they do not answer, the word of its owner counts. */
async function hasEnded(runId: string, executors: InternalClient): Promise<boolean> {
  const request = { method: 'GET', path: `/internal/runs/${runId}/why`, principal: GATEWAY, timeoutMs: 3000 } as const;
  const { status } = await executors.call<WhyPart>(request).catch(() => ({ status: null }));
  return status !== null && status !== 'PENDING' && status !== 'RUNNING';
}
const GATEWAY = { kind: 'service', service: 'gateway' } as const;

const LONGEST_NAME = 128;

function named(by: unknown): string | undefined {
  if (by === undefined || by === null) return undefined;
  if (typeof by === 'string' && by !== '' && by.length <= LONGEST_NAME) return by;
  const message = `must be a text of 1 to ${LONGEST_NAME} characters`;
  throw new Refusal('request.invalid', `trigger_by ${message}.`, { fields: { errors: [{ in: 'body', path: '/trigger_by', message }] } });
}
