import {
  type AdmissionDecision,
  type AdmitRequest,
  type AdmitResponse,
  Refusal,
  type RunAccepted,
  type RunSpec,
  refusalOf,
  runsRetry,
  Transient,
} from '@convergence/contracts';
import { hasEnded } from '@convergence/runs';
import { admitAfterEnd, commandOf, idOfMade, noteMade, route } from '@convergence/service';
import type { Executor } from '../executor.ts';

const ANOTHER = 'Pipeline already running - returning existing';

/** A run of its own with the same parameters, admitted like any other; it takes over what the first one completed. */
export const runsRetryRoute = ({
  runs,
  templates,
  tenantService,
  clock,
}: Pick<Executor, 'runs' | 'templates' | 'tenantService' | 'clock'>) =>
  route(runsRetry, async ({ params, body, principal, request }) => {
    const record = await runs.get(params.run_id, principal);
    const { spec, run_id, tenant_id, pipeline_id } = record;
    const command = commandOf(request);
    const wanted = idOfMade('run', command);
    const from = body.from ?? 'failed';
    const message = `Retry of ${run_id} from ${from === 'start' ? 'the start' : 'where it failed'}`;
    const accepted = (pipeline_logging_id: string, status: RunAccepted['status'] = 'PENDING'): { body: RunAccepted } => ({
      body: { pipeline_logging_id, pipeline_id, tenant_id, status, message: pipeline_logging_id === wanted ? message : ANOTHER },
    });
    if (command?.made) return accepted(command.made);
    if (!hasEnded(record.status)) throw new Refusal('run.not_retryable', `The run has not ended: ${record.status}.`);
    if (from === 'failed' && record.status === 'COMPLETE')
      throw new Refusal('run.not_retryable', 'No step of the run failed; retry it with {"from": "start"}.');
    if (!spec) throw new Refusal('run.not_retryable', 'What the run was asked with is not known any more.');
    if (!templates.find({ provider: spec.provider, domain: spec.domain, template: spec.template }, tenant_id))
      throw new Refusal('template.not_found', `Template not found: configs/${spec.provider}/${spec.domain}/${spec.template}.yml`);
    const run: RunSpec = {
      ...spec,
      run_id: wanted,
      trigger_type: 'retry',
      trigger_by: principal.kind === 'tenant' ? (principal.userId ?? principal.tenantId) : principal.kind,
      user_id: 'userId' in principal ? (principal.userId ?? null) : null,
      scheduled_run_id: null,
      retry_of: run_id,
      retry_from: from,
    };
    const admit = async (): Promise<AdmissionDecision> => {
      const { decisions } = await tenantService.call<AdmitResponse>({
        method: 'POST',
        path: '/internal/admissions',
        principal: { kind: 'service', service: 'executor-service' },
        body: {
          runs: [run],
          asked_by: { [wanted]: principal },
          ...(command && { commands: { [wanted]: command.id } }),
        } satisfies AdmitRequest,
        idempotent: true,
        timeoutMs: 10_000,
      });
      const decision = decisions.find((d) => d.run_id === run.run_id);
      if (!decision) throw new Transient('No decision came back on the retry.');
      return decision;
    };
    const decision = await admitAfterEnd(admit, async (id) => hasEnded((await runs.get(id, principal)).status), clock);
    if (decision.outcome === 'admitted') return accepted(wanted);
    if (decision.outcome === 'existing') {
      if (command) await noteMade(tenantService, 'executor-service', command, decision.existing_run_id);
      return accepted(decision.existing_run_id, decision.status);
    }
    throw refusalOf(decision, tenant_id, clock.now());
  });
