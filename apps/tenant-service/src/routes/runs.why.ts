import { UUID_PATTERN, WhyPart } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import { findAdmission, gatesOf, isLive } from '@convergence/tenants';
import Type from 'typebox';
import type { Tenants } from '../tenants.ts';
import { tenantOf } from './operation-route.ts';

const gates = ({ slice, clock }: Pick<Tenants, 'slice' | 'clock'>, tenantId: string, runId?: string) => {
  const run = runId === undefined ? undefined : findAdmission(slice.state, runId)?.run;
  return gatesOf(slice.state, tenantOf(slice, tenantId), run, clock.now());
};

/** Admission's gates of a run: passed, since it was admitted. */
export const runsWhyRoute = (tools: Pick<Tenants, 'slice' | 'clock'>) =>
  internalRoute(
    {
      method: 'GET',
      path: '/internal/runs/{run_id}/why',
      callers: ['gateway'],
      params: Type.Object({ run_id: Type.String({ pattern: UUID_PATTERN }) }),
      response: WhyPart,
    },
    ({ params }) => {
      const admission = findAdmission(tools.slice.state, params.run_id);
      if (!admission) return { body: { tenant_id: null, status: null, gates: [] } };
      const { tenant_id } = admission.run;
      const passed = gates(tools, tenant_id, params.run_id).map((gate) => ({
        ...gate,
        state: 'passed' as const,
        since: admission.admitted_at,
        expected: null,
      }));
      const status = isLive(admission) ? (admission.started_at ? 'RUNNING' : 'PENDING') : 'ENDED';
      return { body: { tenant_id, status, gates: passed } };
    },
  );

/** The same gates for a run that was not admitted yet: what stands between the tenant and its next run now. */
export const tenantsGatesRoute = (tools: Pick<Tenants, 'slice' | 'clock'>) =>
  internalRoute(
    {
      method: 'GET',
      path: '/internal/tenants/{tenant_id}/gates',
      callers: ['gateway', 'scheduler-service'],
      params: Type.Object({ tenant_id: Type.String() }),
      response: WhyPart,
    },
    ({ params }) => ({ body: { tenant_id: params.tenant_id, status: null, gates: gates(tools, params.tenant_id) } }),
  );
