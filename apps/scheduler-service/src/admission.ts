/** tenant-service over HTTP: the adapter of `Admission`. */
import { type AdmitResponse, type Principal, Refusal, type RunStatus } from '@convergence/contracts';
import type { BuildContext } from '@convergence/service';
import type { SchedulerConfig } from './config.ts';
import type { Admission } from './scheduler.ts';

const ITSELF: Principal = { kind: 'service', service: 'scheduler-service' };

export function admissionAt({ client, config }: BuildContext<SchedulerConfig>): Admission {
  const tenantService = client('tenant-service', config.tenantServiceUrl);
  return {
    admit: (runs) =>
      tenantService.call<AdmitResponse>({
        method: 'POST',
        path: '/internal/admissions',
        principal: ITSELF,
        body: { runs },
        idempotent: true,
        timeoutMs: 10_000,
      }),
    run: (runId) =>
      tenantService
        .call<{ live: boolean; status: RunStatus }>({ method: 'GET', path: `/internal/runs/${runId}`, principal: ITSELF })
        .catch((error: unknown) => {
          if (error instanceof Refusal && error.code === 'run.not_found') return undefined;
          throw error;
        }),
    checkTenant: async (tenantId) => {
      await tenantService.call({ method: 'GET', path: `/internal/tenants/${tenantId}/gates`, principal: ITSELF });
    },
    tell: (tenantId, notice) =>
      tenantService.call({
        method: 'POST',
        path: `/internal/tenants/${tenantId}/notices`,
        principal: ITSELF,
        body: notice,
        idempotent: true,
        timeoutMs: 15_000,
      }),
  };
}
