import { Refusal, RunAccepted, runsCancel, Transient, UUID_PATTERN } from '@convergence/contracts';
import { pipelineIdOf } from '@convergence/schedules';
import { internalRoute } from '@convergence/service';
import Type from 'typebox';
import type { Scheduler } from '../scheduler.ts';

/**
 * Takes a run out of the queue, by its own id or that of its attempt. One that does not wait is its executor's. Who asks for it twice, also
 * at once through two gateways, is answered the same, while it is remembered here: until its last row is written.
 */
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
      const own = (tenantId: unknown) => principal.kind !== 'tenant' || principal.tenantId === tenantId;
      const taken = (tenant_id: string, pipeline_id: string) => {
        const message = 'The run was taken out of the queue';
        return { body: { pipeline_logging_id: params.run_id, pipeline_id, tenant_id, status: 'CANCELLED' as const, message } };
      };
      const item = state.queue.get(state.byLoggingId.get(params.run_id) ?? params.run_id);
      if (item && own(item.tenant_id)) {
        const by = principal.kind === 'tenant' ? (principal.userId ?? principal.tenantId) : principal.kind;
        const error = body.reason ?? `Cancelled by ${by}.`;
        const done = await slice.execute<boolean>({ type: 'cancel-waiting', run_id: item.run_id, error }, { actor: principal });
        if (done) return taken(item.tenant_id, pipelineIdOf(item));
        if (item.stage === 'claimed') throw new Transient('The run is about to be handed to an executor: ask again.');
      }
      const gone = await slice.read(({ ended }) =>
        [...ended.values()].find(({ run_id, pipeline_logging_id }) => params.run_id === pipeline_logging_id || params.run_id === run_id),
      );
      if (gone?.end_reason === 'cancelled' && own(gone.tenant_id)) return taken(String(gone.tenant_id), String(gone.pipeline_id));
      throw new Refusal('run.not_found', `There is no run ${params.run_id} in the queue.`);
    },
  );
