import { type Gate, Refusal, SERVICES, Transient, type WhyPart } from '@convergence/contracts';
import type { Handle } from '../forward.ts';
import type { OwnerName, Owners } from '../owners.ts';

/** In the order in which a run meets them: plan and limits, the queue, a worker. */
const ASKED: readonly OwnerName[] = SERVICES.filter((name) => name !== 'gateway');

/**
 * Every gate between a run and its start, as far as those who hold them answer. A run of another tenant is as unknown as one
 * that never was.
 */
export const runsWhyRoute =
  ({ owners }: { readonly owners: Owners }): Handle =>
  async ({ params, principal, signal }) => {
    const runId = params.run_id as string;
    const tenant = principal.kind === 'tenant' ? principal.tenantId : undefined;
    const ask = (service: OwnerName, query = '') =>
      owners
        .of(service, tenant)
        .call<WhyPart>({ method: 'GET', path: `/internal/runs/${runId}/why${query}`, principal, signal, timeoutMs: 3000 })
        .then(
          (part) => ({ service, part }),
          (error: unknown) =>
            error instanceof Refusal && error.code === 'run.not_found' ? { service, part: UNKNOWN } : { service, part: undefined },
        );
    const knownOf = (parts: readonly { readonly part: WhyPart | undefined }[]) =>
      parts.flatMap(({ part }) => (part && part.tenant_id !== null && (tenant === undefined || part.tenant_id === tenant) ? [part] : []));
    const parts = await Promise.all(ASKED.map((service) => ask(service)));
    // Nobody remembers it: the executors look into their table as well.
    if (knownOf(parts).length === 0 && parts.every(({ part }) => part)) parts.push(await ask('executor-service', '?older=true'));
    const unavailable = [...new Set(parts.filter(({ part }) => part === undefined).map(({ service }) => service))];
    const known = knownOf(parts);
    if (known.length === 0) {
      if (unavailable.length > 0) throw new Transient(`${unavailable.join(' and ')} did not say what is known of run ${runId}.`);
      throw new Refusal('run.not_found', `No run ${runId}.`);
    }
    const gates: Gate[] = known.flatMap((part) => part.gates);
    const status = known.map((part) => part.status).findLast((one) => one !== null) ?? null;
    return { body: { pipeline_logging_id: runId, tenant_id: known[0]?.tenant_id, status, gates, unavailable } };
  };

const UNKNOWN: WhyPart = { tenant_id: null, status: null, gates: [] };
