import { Refusal, RunSpec, type RunStatus, UUID_PATTERN } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import { findAdmission } from '@convergence/tenants';
import Type from 'typebox';
import type { Tenants } from '../tenants.ts';

const nullableText = Type.Union([Type.String(), Type.Null()]);

/** A run from the moment it was admitted until some minutes after it ended, before and while the recorder has it too. */
export const runsGetRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  internalRoute(
    {
      method: 'GET',
      path: '/internal/runs/{run_id}',
      callers: ['gateway', 'scheduler-service', 'executor-service'],
      params: Type.Object({ run_id: Type.String({ pattern: UUID_PATTERN }) }),
      response: Type.Object({
        run: RunSpec,
        status: Type.Enum(['PENDING', 'RUNNING', 'COMPLETE', 'FAILED', 'CANCELLED']),
        live: Type.Boolean(),
        admitted_at: Type.String(),
        started_at: nullableText,
        heartbeat_at: nullableText,
        ended_at: nullableText,
        outcome: nullableText,
      }),
    },
    ({ params }) => {
      const admission = findAdmission(slice.state, params.run_id);
      if (!admission) throw new Refusal('run.not_found', `No run ${params.run_id} is live or ended just now.`);
      const { run, admitted_at, started_at, heartbeat_at, ended_at, outcome } = admission;
      const status: RunStatus = outcome === null ? (started_at ? 'RUNNING' : 'PENDING') : ENDED[outcome];
      return { body: { run, status, live: ended_at === null, admitted_at, started_at, heartbeat_at, ended_at, outcome } };
    },
  );

/** A refund was a failure or a cancellation; the recorder knows which, here it is a failure. */
const ENDED = { succeeded: 'COMPLETE', failed: 'FAILED', cancelled: 'CANCELLED', refunded: 'FAILED', orphaned: 'FAILED' } as const;
