/** tenant-service, as the scheduler needs it, and that over HTTP. */
import {
  type AdmitRequest,
  type AdmitResponse,
  type Principal,
  Refusal,
  type RunSpec,
  type RunStatus,
  type TenantNotice,
} from '@convergence/contracts';
import { type BuildContext, type Command, noteMade } from '@convergence/service';
import type { SchedulerConfig } from './config.ts';

export interface Admission {
  /** `askedBy`, by run_id: who wants those runs that no schedule does. */
  admit(runs: readonly RunSpec[], askedBy: Readonly<Record<string, Principal>>): Promise<AdmitResponse>;
  /** Undefined: not live, and not ended just now. */
  run(runId: string): Promise<{ readonly live: boolean; readonly status: RunStatus } | undefined>;
  /** What a command came to. */
  noteMade(command: Command, made: string): Promise<void>;
  /** Refuses a tenant that there is not. */
  checkTenant(tenantId: string): Promise<void>;
  /** Tells the people of a tenant; the same id again tells nobody twice. */
  tell(tenantId: string, notice: TenantNotice): Promise<void>;
}

const ITSELF: Principal = { kind: 'service', service: 'scheduler-service' };

export function admissionAt({ client, config }: BuildContext<SchedulerConfig>): Admission {
  const tenantService = client('tenant-service', config.tenantServiceUrl);
  return {
    admit: (runs, askedBy) =>
      tenantService.call<AdmitResponse>({
        method: 'POST',
        path: '/internal/admissions',
        principal: ITSELF,
        body: { runs: [...runs], asked_by: askedBy } satisfies AdmitRequest,
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
    noteMade: (command, made) => noteMade(tenantService, 'scheduler-service', command, made),
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
