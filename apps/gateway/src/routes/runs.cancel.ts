import { runsCancel } from '@convergence/contracts';
import type { Handle } from '../forward.ts';
import { type RunOwners, whoeverHasIt } from '../whoever-has-it.ts';

export const runsCancelRoute = (tools: RunOwners): Handle =>
  whoeverHasIt(runsCancel, tools, async ({ params, body, principal, signal }, scheduler) => {
    const path = `/internal/runs/${params.run_id}/cancel`;
    return { status: 202, body: await scheduler.call({ method: 'POST', path, principal, body: body ?? {}, signal }) };
  });
