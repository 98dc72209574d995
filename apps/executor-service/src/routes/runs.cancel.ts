import { type Principal, Refusal, runCancelled, runCompleted, runsCancel } from '@convergence/contracts';
import { hasEnded } from '@convergence/runs';
import { eventMessage, route } from '@convergence/service';
import type { Executor } from '../executor.ts';

/**
 * Every executor hears of it; whoever has the run in hand stops it. A run that nobody has taken up ends here and now, so that
 * it does not start when its message is delivered.
 */
export const runsCancelRoute = ({ runs, bus, clock, name }: Pick<Executor, 'runs' | 'bus' | 'clock' | 'name'>) =>
  route(runsCancel, async ({ params, body, principal }) => {
    const record = await runs.get(params.run_id, principal);
    if (hasEnded(record.status)) throw new Refusal('run.not_cancellable', `The run has ended: ${record.status}.`);
    const { run_id, tenant_id, pipeline_id } = record;
    const identity = { run_id, tenant_id, pipeline_id };
    const at = new Date(clock.now()).toISOString();
    const by = whoOf(principal);
    const reason = body.reason ?? `Cancelled by ${by}.`;
    const origin = { source: name, now: clock.now() };
    const messages = [
      eventMessage(
        runCancelled,
        { ...identity, at, by, reason, admitted_at: record.admitted_at },
        { ...origin, id: `${run_id}:cancelled` },
      ),
    ];
    if (record.status === 'PENDING') {
      const error = { code: 'run.cancelled', class: 'cancelled', message: reason, hint: null, step: null };
      const end = {
        run_id,
        tenant_id,
        pipeline_id,
        admitted_at: record.admitted_at,
        status: 'CANCELLED' as const,
        sequence: Math.max(1, clock.now() - Date.parse(record.admitted_at)),
        started_at: null,
        ended_at: at,
        did_work: false,
        retryable: false,
        error,
        trigger_type: record.spec?.trigger_type ?? ('api' as const),
        scheduled_run_id: record.spec?.scheduled_run_id ?? null,
      };
      messages.push(eventMessage(runCompleted, end, { ...origin, id: `${run_id}:CANCELLED` }));
    }
    await bus.publish(messages);
    const status = record.status === 'PENDING' ? ('CANCELLED' as const) : record.status;
    return { status: 202, body: { pipeline_logging_id: run_id, pipeline_id, tenant_id, status, message: 'The run is being cancelled' } };
  });

const whoOf = (principal: Principal): string => {
  if (principal.kind === 'tenant') return principal.userId ?? principal.tenantId;
  return principal.kind === 'admin' ? (principal.userId ?? 'an administrator') : principal.kind;
};
