import { Refusal, runsGet, UUID_PATTERN } from '@convergence/contracts';
import { pipelineIdOf } from '@convergence/schedules';
import { internalRoute } from '@convergence/service';
import Type from 'typebox';
import { refOf } from '../run-spec.ts';
import type { Scheduler } from '../scheduler.ts';
import { gatesOf } from './runs.why.ts';

/** A run that waits in the queue, by its own id or that of its attempt, as it was asked for. One that does not wait is its executor's. */
export const runsGetRoute = (scheduler: Pick<Scheduler, 'slice' | 'clock' | 'dispatcher'>) =>
  internalRoute(
    {
      method: 'GET',
      path: '/internal/runs/{run_id}',
      callers: ['gateway'],
      params: Type.Object({ run_id: Type.String({ pattern: UUID_PATTERN }) }),
      response: runsGet.response,
    },
    ({ params: { run_id }, principal }) => {
      const { state } = scheduler.slice;
      const item = state.queue.get(state.byLoggingId.get(run_id) ?? run_id);
      if (!item || item.stage === 'running' || (principal.kind === 'tenant' && principal.tenantId !== item.tenant_id))
        throw new Refusal('run.not_found', `There is no run ${run_id} in the queue.`);
      const { tenant_id, lane, asked_by, parameters } = item;
      return {
        body: {
          pipeline_logging_id: run_id,
          pipeline_id: pipelineIdOf(item),
          tenant_id,
          ...refOf(item),
          status: 'PENDING' as const,
          trigger_type: lane === 'backfill' ? ('backfill' as const) : ('scheduler' as const),
          trigger_by: item.trigger_by ?? 'cloud_scheduler',
          user_id: asked_by && 'userId' in asked_by ? (asked_by.userId ?? null) : null,
          start_time: null,
          started_at: null,
          end_time: null,
          duration_ms: null,
          run_date: typeof parameters.date === 'string' ? parameters.date : null,
          parameters: { ...parameters },
          template_version: null,
          template_hash: null,
          retry_of: null,
          error: null,
          steps: [],
          dq: [],
          attempts: [run_id],
          waits_for: gatesOf(item, scheduler).filter((gate) => gate.state === 'closed'),
        },
      };
    },
  );
