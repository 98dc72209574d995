import { Refusal, RunAccepted, runsCancel, Transient, UUID_PATTERN } from '@convergence/contracts';
import { pipelineIdOf } from '@convergence/schedules';
import { internalRoute } from '@convergence/service';
import Type from 'typebox';
import type { Scheduler } from '../scheduler.ts';

/** Takes a run out of the queue, by its own id or that of its attempt. One that does not wait is its executor's. */
export const runsCancelRoute = ({ slice }: Pick<Scheduler, 'slice'>) =>
  internalRoute(
    {
      method: 'POST',
      path: '/internal/runs/{run_id}/cancel',
      callers: ['gateway'],
      params: Type.Object({ run_id: Type.String({ pattern: UUID_PATTERN }) }),
      body: runsCancel.body,
      response: RunAccepted,
    },
    async ({ params, body, principal }) => {
      const { state } = slice;
      const item = state.queue.get(state.byLoggingId.get(params.run_id) ?? params.run_id);
      const mine = item && (principal.kind !== 'tenant' || principal.tenantId === item.tenant_id);
      const by = principal.kind === 'tenant' ? (principal.userId ?? principal.tenantId) : principal.kind;
      const error = body.reason ?? `Cancelled by ${by}.`;
      const taken = mine && (await slice.execute<boolean>({ type: 'cancel-waiting', run_id: item.run_id, error }, { actor: principal }));
      if (mine && !taken && item.stage === 'claimed') throw new Transient('The run is about to be handed to an executor: ask again.');
      if (!mine || !taken) throw new Refusal('run.not_found', `There is no run ${params.run_id} in the queue.`);
      const pipeline_id = pipelineIdOf(item);
      const message = 'The run was taken out of the queue';
      return {
        body: { pipeline_logging_id: params.run_id, pipeline_id, tenant_id: item.tenant_id, status: 'CANCELLED' as const, message },
      };
    },
  );
