import { Refusal, runsCancel } from '@convergence/contracts';
import { forward, type Handle, tenantOf } from '../forward.ts';
import type { Owners } from '../owners.ts';

/** Whoever has the run stops it: an executor; or the scheduler, in whose queue it still waits. */
export const runsCancelRoute = ({ owners }: { readonly owners: Owners }): Handle => {
  const executors = forward(runsCancel, 'executor-service', owners, new AbortController().signal);
  return async (call) => {
    const { params, body, principal, signal } = call;
    try {
      return await executors(call);
    } catch (unknown) {
      if (!(unknown instanceof Refusal && unknown.code === 'run.not_found')) throw unknown;
      const path = `/internal/runs/${params.run_id}/cancel`;
      const scheduler = owners.of('scheduler-service', tenantOf(call));
      const accepted = await scheduler.call({ method: 'POST', path, principal, body: body ?? {}, signal }).catch((error: unknown) => {
        if (!(error instanceof Refusal && error.code === 'run.not_found')) throw error;
      });
      // It may have left the queue for an executor in between.
      return accepted ? { status: 202, body: accepted } : executors(call);
    }
  };
};
