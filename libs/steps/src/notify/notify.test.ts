import { createHmac } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { stepContext } from '../testing/step-context.ts';
import type { Message } from './messenger.ts';
import { messengers } from './messengers.ts';
import { recipientsOf } from './recipients.ts';
import { notify } from './step.ts';

const message = (more: Partial<Message> = {}): Message => ({
  channel: 'email',
  to: ['ops@acme.example'],
  subject: 'failed',
  text: 'Run failed',
  data: { run_id: 'r' },
  runId: 'r',
  dedupKey: 'r/FAILED',
  dedupHours: 24,
  ...more,
});
const post = (status = 200) => {
  const posted: { url: string; init: RequestInit }[] = [];
  const fake = (async (url: string, init: RequestInit) => {
    posted.push({ url, init });
    return new Response('', { status });
  }) as unknown as typeof fetch;
  return { posted, fake };
};

describe('notify', () => {
  test('an e-mail without a server becomes one file, however often it is sent', async () => {
    const outbox = await mkdtemp(join(tmpdir(), 'outbox-'));
    const make = () =>
      messengers({ smtpUrl: undefined, from: 'c@example.com', outbox, fetch, now: () => Date.parse('2025-11-16T06:00:00Z') });
    const first = make();
    expect([await first.send(message()), await first.send(message()), await make().send(message())]).toEqual([true, false, true]);
    const files = await readdir(outbox);
    expect(files).toHaveLength(1);
    expect(await readFile(join(outbox, files[0] ?? ''), 'utf8')).toContain('Run failed');
    await rm(outbox, { recursive: true });
  });

  test('what a run sends again after a crash has the id of the first; what another run sends after the window has its own', async () => {
    const { posted, fake } = post();
    const after = (days: number) => messengers({ smtpUrl: undefined, from: '', outbox: '', fetch: fake, now: () => days * 86_400_000 });
    const late = (runId: string) => message({ channel: 'webhook', to: ['https://hooks.example/x'], dedupKey: 'acme_corp/late', runId });
    await after(1).send(late('first'));
    await after(1).send(late('first'));
    await after(3).send(late('second'));
    const [one, again, other] = posted.map(({ init }) => (init.headers as Record<string, string>)['idempotency-key']);
    expect([again === one, other === one]).toEqual([true, false]);
  });

  test('of two with the same key at once one is sent; when it can not be, the other is', async () => {
    const answers = [500, 200];
    const asked: string[] = [];
    const fake = (async (url: string) => {
      asked.push(url);
      return new Response('', { status: answers.shift() ?? 500 });
    }) as unknown as typeof fetch;
    const { send } = messengers({ smtpUrl: undefined, from: '', outbox: '', fetch: fake, now: () => 0 });
    const hook = message({ channel: 'webhook', to: ['https://hooks.example/x'] });
    const sent = await Promise.allSettled([send(hook), send(hook), send(hook)]);
    expect(sent.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as { code: string }).code))).toEqual([
      'notify.refused',
      true,
      false,
    ]);
    expect(asked).toHaveLength(2);
  });

  test('a webhook is signed over its time and body; the secret does not travel', async () => {
    const { posted, fake } = post();
    await messengers({ smtpUrl: undefined, from: '', outbox: '', fetch: fake, now: () => 1_763_272_800_000 }).send(
      message({ channel: 'webhook', to: ['https://hooks.example/x'], secret: 's3cret' }),
    );
    const { headers, body } = posted[0]!.init as { headers: Record<string, string>; body: string };
    expect(headers['x-convergence-signature']).toBe(`v1=${createHmac('sha256', 's3cret').update(`1763272800.${body}`).digest('hex')}`);
    expect(JSON.stringify(posted)).not.toContain('s3cret');
  });

  test('a secret and a Slack address that are kept sealed are opened for the message that needs them', async () => {
    const options = { webhook_url: 'https://hooks.example/x', webhook_secret: { sealed: 's1' }, slack_webhook_url: { sealed: 's2' } };
    const config = {
      config_id: 'c1',
      provider: 'GCP',
      domain: 'COST',
      source_project_id: null,
      source_dataset: null,
      notification_emails: [],
      options,
    };
    const told = (channel: 'webhook' | 'slack' | 'email') =>
      recipientsOf(
        channel,
        { provider: 'gcp', domain: 'cost' },
        { admin_email: 'a@acme.example', provider_configs: [config] },
        async (id, sealed) => `${sealed} of ${id}`,
      );
    expect(await told('webhook')).toEqual({ to: ['https://hooks.example/x'], secret: 's1 of c1' });
    expect(await told('slack')).toEqual({ to: ['s2 of c1'], secret: undefined });
    expect(await told('email')).toEqual({ to: ['a@acme.example'], secret: undefined });
  });

  test('a redirect is not followed: what is signed for one address goes to no other', async () => {
    const { posted, fake } = post(307);
    const hook = message({ channel: 'webhook', to: ['https://hooks.example/x'], secret: 's3cret' });
    const sent = messengers({ smtpUrl: undefined, from: '', outbox: '', fetch: fake, now: () => 0 }).send(hook);
    await expect(sent).rejects.toMatchObject({ code: 'notify.refused', transient: false });
    expect(posted).toMatchObject([{ init: { redirect: 'manual' } }]);
  });

  test('an address that is no https is refused; one that answers 500 may be tried again', async () => {
    const sender = (status: number) => messengers({ smtpUrl: undefined, from: '', outbox: '', fetch: post(status).fake, now: () => 0 });
    await expect(sender(200).send(message({ channel: 'slack', to: ['http://169.254.169.254/'] }))).rejects.toMatchObject({
      code: 'notify.url',
      transient: false,
    });
    await expect(sender(500).send(message({ channel: 'slack', to: ['https://x.example/'] }))).rejects.toMatchObject({ transient: true });
    await expect(sender(404).send(message({ channel: 'slack', to: ['https://x.example/'] }))).rejects.toMatchObject({ transient: false });
  });

  test('the step tells the admin where nobody else is named, with what failed', async () => {
    const context = stepContext(
      { message: 'Cost did not load' },
      { failure: { code: 'x', class: 'schema', message: 'No column', hint: 'Add it', step: 'load' } },
    );
    expect(await notify(context)).toMatchObject({ outputs: { sent: 1 } });
    expect(context.sent).toMatchObject([
      {
        to: ['ops@acme.example'],
        text: 'Cost did not load\n\nStep load: No column\nAdd it',
        runId: '00000000-0000-4000-8000-000000000001',
        dedupKey: 'acme_corp/00000000-0000-4000-8000-000000000001/load',
      },
    ]);
  });

  test('a key that the log has seen within its window is not sent again', async () => {
    const context = stepContext({ message: 'm', dedup_key: 'daily' });
    context.warehouse.answer(/x_meta_step_logs/, [{ n: 1 }]);
    expect(await notify(context)).toMatchObject({ outputs: { sent: 0 } });
    expect(context.sent).toEqual([]);
  });
});
