import { type RunDetail, runsDq, runsGet, runsSteps } from '@convergence/contracts';
import type { InternalClient } from '@convergence/service';
import type { Handle, OperationCall } from '../forward.ts';
import { type RunOwners, whoeverHasIt } from '../whoever-has-it.ts';

export const runsGetRoute = (tools: RunOwners): Handle =>
  whoeverHasIt(runsGet, tools, async (call, scheduler) => ({ body: await queuedRun(call, scheduler) }));

export const runsStepsRoute = (tools: RunOwners): Handle => whoeverHasIt(runsSteps, tools, nothingYet);
export const runsDqRoute = (tools: RunOwners): Handle => whoeverHasIt(runsDq, tools, nothingYet);

async function nothingYet(call: OperationCall, scheduler: InternalClient) {
  await queuedRun(call, scheduler);
  return { body: { items: [], next_cursor: null } };
}

export const queuedRun = ({ params, principal, signal }: OperationCall, scheduler: InternalClient): Promise<RunDetail> =>
  scheduler.call({ method: 'GET', path: `/internal/runs/${params.run_id}`, principal, signal, timeoutMs: 3000 });
