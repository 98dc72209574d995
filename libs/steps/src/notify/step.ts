/** Tells people something in the middle or at the end of a run. */
import { StepFailure } from '../failure.ts';
import type { StepCode, StepContext } from '../step.ts';
import type { NotifyConfig } from './config.ts';
import { recipientsOf } from './recipients.ts';

export const notify: StepCode = async (context) => {
  const config = context.config as NotifyConfig;
  const { run, step, failure } = context;
  const own = config.dedup_key === undefined;
  const key = config.dedup_key ?? `${run.run_id}/${step.id}`;
  const hours = config.dedup_hours ?? 24;
  if (!own && (await sentBefore(context, key, hours))) return { rows: null, outputs: { sent: 0, dedup_key: key } };
  const text = failure
    ? `${config.message}\n\n${failure.step ? `Step ${failure.step}: ` : ''}${failure.message}${failure.hint ? `\n${failure.hint}` : ''}`
    : config.message;
  let sent = 0;
  for (const channel of config.channels ?? ['email']) {
    const named = await recipientsOf(channel, context.template.ref, context.tenant, context.openSealed);
    const to = (channel === 'email' && config.to) || named.to;
    const { secret } = named;
    if (to.length === 0)
      throw new StepFailure('schema', 'notify.no_recipient', `There is no ${channel} address to tell.`, {
        hint:
          channel === 'email'
            ? 'Set notification_emails in the provider configuration.'
            : `Set options.${channel === 'webhook' ? 'webhook_url' : 'slack_webhook_url'} in the provider configuration.`,
      });
    await context.crashPoint('before_send');
    const done = await context.messenger.send({
      channel,
      to,
      subject: config.subject ?? `${run.pipeline_id}: ${config.message.split('\n')[0]?.slice(0, 120)}`,
      text,
      data: {
        run_id: run.run_id,
        pipeline_id: run.pipeline_id,
        tenant_id: run.tenant_id,
        step: step.id,
        run_date: run.run_date,
        error: failure,
      },
      runId: run.run_id,
      dedupKey: `${run.tenant_id}/${key}`,
      dedupHours: hours,
      ...(secret !== undefined && { secret }),
    });
    if (done) sent++;
    await context.crashPoint('sent');
  }
  return { rows: null, outputs: { sent, dedup_key: key } };
};

/** The log of steps remembers across runs and instances. */
async function sentBefore({ warehouse, tenant, clock, signal }: StepContext, key: string, hours: number): Promise<boolean> {
  const { rows } = await warehouse.run({
    sql: `SELECT COUNT(*) AS n FROM \`x_meta_step_logs\`
WHERE step_type = 'notify' AND status = 'COMPLETE' AND start_time >= @since AND JSON_VALUE(outputs, '$.dedup_key') = @key AND JSON_VALUE(outputs, '$.sent') != '0'`,
    parameters: {
      since: { type: 'TIMESTAMP', value: new Date(clock.now() - hours * 3_600_000).toISOString() },
      key: { type: 'STRING', value: key },
    },
    defaultDataset: tenant.dataset,
    signal,
  });
  return Number(rows[0]?.n ?? 0) > 0;
}
