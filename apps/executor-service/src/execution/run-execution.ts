/**
 * One run on this worker: its template resolved, its steps carried through in order, its end told.
 *
 * 1. The end is told after the log of every step is durable. 2. How a run ended is told exactly by one of its workers: one that lost its
 * lease or hands the run back says nothing. 3. What a run needs and is away is not the run's fault: it comes again.
 * 4. A run ends in the version of its template that it started with, also on another worker; where that version is gone, it begins anew
 * in the present one, takes nothing over, and its record says in which it ended.
 */
import type { Template } from '@convergence/pipelines';
import { asFailure, StepFailure } from '@convergence/steps';
import { Announcer, type Requested } from './announcer.ts';
import { Execution } from './execution.ts';
import type { ExecutionTools } from './execution-tools.ts';
import type { ExecutionEnd, Hold } from './hold.ts';
import { noTemplate, runError, stoppedError } from './run-error.ts';
import { tellEnd } from './run-notification.ts';
import { askedAt } from './run-variables.ts';
import { outOfTime, RunStopped } from './stop.ts';

export async function executeRun(run: Requested, tools: ExecutionTools, hold: Hold): Promise<ExecutionEnd> {
  const stop = hold.stop.signal;
  const done = new AbortController();
  const startedAt = new Date(tools.clock.now()).toISOString();
  const { template, another } = await templateOf(run, tools, hold);
  const announcer = new Announcer(tools, run, template);
  announcer.progress(null);
  let execution: Execution | undefined;
  let failure: StepFailure | undefined;
  try {
    if (!template) throw noTemplate(run);
    const context = await tools.contexts.of(run.tenant_id);
    tools.clock.sleep(template.timeoutMinutes * 60_000, done.signal).then(
      () => hold.stop.abort(outOfTime(template)),
      () => undefined,
    );
    execution = new Execution(run, template, context, tools, announcer, hold);
    execution.begin(await askedAt(run, tools.recordOf));
    await Promise.all([tools.versions.keep(template), execution.resume(hold.redelivered && !another)]);
    await execution.carryThrough();
    failure = execution.failure;
  } catch (error) {
    // A log that can't be written either does not hide why the step failed.
    failure = execution?.failure ?? asFailure(error);
    // What we need is away: not the run's fault, so it waits and comes again.
    if (!(error instanceof StepFailure) && failure.transient && !stop.aborted) throw error;
    if (failure.errorClass === 'internal') tools.log.error({ err: error, run_id: run.run_id }, 'run failed unexpectedly');
  } finally {
    done.abort('done');
  }
  const stopped = stop.aborted && stop.reason instanceof RunStopped ? stop.reason : undefined;
  if (stopped?.kind === 'lease_lost' || stopped?.kind === 'draining') return 'handed_back';

  const status = stopped?.kind === 'cancelled' ? 'CANCELLED' : failure || stopped ? 'FAILED' : 'COMPLETE';
  const error = stopped ? stoppedError(stopped, execution?.underWay ?? []) : failure ? (execution?.error ?? runError(failure, null)) : null;
  if (execution && template) {
    await tellEnd({ run, template, context: execution.context, status, error, execution, tools }).catch((cause: unknown) =>
      tools.log.warn({ err: cause, run_id: run.run_id }, 'the end of the run could not be logged'),
    );
  }
  await announcer.completed({
    status,
    started_at: startedAt,
    did_work: execution?.didWork ?? false,
    retryable: failure?.transient ?? stopped?.kind === 'timeout',
    error,
  });
  return 'ended';
}

/** `another`: not the one that it started with, which is gone. */
async function templateOf(
  run: Requested,
  tools: ExecutionTools,
  hold: Hold,
): Promise<{ template: Template | undefined; another: boolean }> {
  const present = tools.templates.find({ provider: run.provider, domain: run.domain, template: run.template }, run.tenant_id);
  const began = hold.redelivered ? ((await tools.recordOf(run.run_id))?.template_hash ?? undefined) : undefined;
  if (began === undefined || began === present?.hash) return { template: present, another: false };
  const template = await tools.versions.get(began);
  if (template) return { template, another: false };
  tools.log.warn(
    { run_id: run.run_id, template_hash: began },
    'the version that the run began with is gone: it begins anew in the present one',
  );
  return { template: present, another: true };
}
