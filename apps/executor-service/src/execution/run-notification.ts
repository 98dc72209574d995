/**
 * Tells people how a run ended, where its template asks for it. Logged as a step of its own, so a redelivered run does not
 * tell twice; a message that can't be sent, also not after some tries, does not change how the run ended.
 */
import type { RunContextResponse, RunError, RunStatus } from '@convergence/contracts';
import type { Template } from '@convergence/pipelines';
import { recipientsOf } from '@convergence/steps';
import type { Requested } from './announcer.ts';
import type { Execution } from './execution.ts';
import type { ExecutionTools } from './execution-tools.ts';
import { sealedOf } from './run-context.ts';
import { executeStep } from './step-execution.ts';

export const NOTIFICATION_STEP = 'x_notification';
/** The run waits for it with its place and its quota: not for long. */
const TELLING = { id: NOTIFICATION_STEP, timeoutMinutes: 1, retry: { maxAttempts: 3, backoffSeconds: 2, multiplier: 2 } };

export async function tellEnd(end: {
  run: Requested;
  template: Template;
  context: RunContextResponse;
  status: RunStatus;
  error: RunError | null;
  execution: Execution;
  tools: ExecutionTools;
}): Promise<void> {
  const { run, template, context, status, error, execution, tools } = end;
  const channels = status === 'COMPLETE' ? template.notify.on_success : status === 'FAILED' ? template.notify.on_failure : [];
  if (channels.length === 0 || execution.wasDone(NOTIFICATION_STEP)) return;
  const subject = `${run.pipeline_id} ${status === 'COMPLETE' ? 'completed' : 'failed'}`;
  const lines = [`Run ${run.run_id} of ${run.pipeline_id}${run.run_date ? ` for ${run.run_date}` : ''}: ${status}.`];
  if (error) lines.push('', `${error.step ? `Step ${error.step}: ` : ''}${error.message}`, ...(error.hint ? ['', error.hint] : []));
  let sent = 0;
  for (const channel of channels) {
    const tell = async (): Promise<boolean> => {
      const { to, secret } = await recipientsOf(channel, run, context, sealedOf(context.tenant_id, tools.keys));
      if (to.length === 0) return false;
      return tools.messenger.send({
        channel,
        to,
        subject,
        text: lines.join('\n'),
        data: { run_id: run.run_id, pipeline_id: run.pipeline_id, tenant_id: run.tenant_id, status, run_date: run.run_date, error },
        runId: run.run_id,
        dedupKey: `${run.run_id}/${status}/${channel}`,
        dedupHours: 24,
        ...(secret !== undefined && { secret }),
      });
    };
    // What stopped the run does not stop the word of it.
    const told = await executeStep(TELLING, async () => ({ rows: (await tell()) ? 1 : 0, outputs: {} }), {
      clock: tools.clock,
      random: tools.random,
      stop: new AbortController().signal,
    });
    if (told.status === 'complete') sent += told.outcome.rows ?? 0;
    else if (told.status === 'failed')
      tools.log.warn({ err: told.failure, run_id: run.run_id, channel }, 'the notification could not be sent');
  }
  await execution.logExtra(NOTIFICATION_STEP, 'notify', { sent });
}
