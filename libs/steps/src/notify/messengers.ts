/**
 * The three ways out: e-mail by SMTP (or as .eml files where there is no server), webhooks signed by HMAC, Slack.
 *
 * 1. A key that was sent within its window is not sent again by this process, nor while one of it is on its way. With its run it is the
 * Message-ID of e-mails and the Idempotency-Key of webhooks, so that a second one after a crash is seen for what it is, and one that
 * another run sends after the window is not taken for it. 2. A failure to send is
 * transient unless the other side says that the message is wrong. 3. Secrets sign; they never travel.
 */
import { createHash, createHmac } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport, type Transporter } from 'nodemailer';
import { StepFailure } from '../failure.ts';
import type { Message, Messenger } from './messenger.ts';

export interface MessengerOptions {
  readonly smtpUrl: string | undefined;
  readonly from: string;
  /** Folder for .eml files while there is no SMTP server. */
  readonly outbox: string;
  readonly fetch: typeof fetch;
  readonly now: () => number;
}
const SEND_MS = 15_000;
const REMEMBERED = 10_000;

export function messengers(options: MessengerOptions): Messenger {
  const sent = new Map<string, number>();
  const mail: Transporter = options.smtpUrl
    ? createTransport({ url: options.smtpUrl, connectionTimeout: SEND_MS, greetingTimeout: SEND_MS, socketTimeout: SEND_MS })
    : createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  /** The last one on its way with each key. */
  const sending = new Map<string, Promise<boolean>>();
  async function send(message: Message, key: string): Promise<boolean> {
    const before = sent.get(key);
    if (before !== undefined && options.now() - before < message.dedupHours * 3_600_000) return false;
    if (message.channel === 'email') await sendMail(mail, options, message);
    else for (const url of message.to) await post(url, message, options);
    sent.set(key, options.now());
    if (sent.size > REMEMBERED) for (const oldest of sent.keys()) if (sent.delete(oldest)) break;
    return true;
  }
  return {
    send(message) {
      const key = `${message.channel}/${message.dedupKey}`;
      const go = () => send(message, key);
      const mine: Promise<boolean> = (sending.get(key)?.then(go, go) ?? go()).finally(() => {
        if (sending.get(key) === mine) sending.delete(key);
      });
      sending.set(key, mine);
      return mine;
    },
  };
}

const idOf = (message: Message): string =>
  createHash('sha256').update(`${message.channel}/${message.runId}/${message.dedupKey}`).digest('hex').slice(0, 32);

async function sendMail(mail: Transporter, options: MessengerOptions, message: Message): Promise<void> {
  const id = idOf(message);
  try {
    const info = await mail.sendMail({
      from: options.from,
      to: [...message.to],
      subject: message.subject.replace(/[\r\n]+/g, ' '),
      text: message.text,
      messageId: `<${id}@convergence>`,
      date: new Date(options.now()),
    });
    if (options.smtpUrl) return;
    await mkdir(options.outbox, { recursive: true });
    await writeFile(join(options.outbox, `${id}.eml`), (info as unknown as { message: Buffer }).message);
  } catch (cause) {
    const refused = [550, 551, 553, 554].includes((cause as { responseCode?: number }).responseCode ?? 0);
    throw new StepFailure('source_not_ready', 'notify.mail', 'The e-mail could not be sent.', {
      hint: refused ? 'The mail server refuses the address.' : 'It is tried again by itself.',
      transient: !refused,
      cause,
    });
  }
}

async function post(url: string, message: Message, options: MessengerOptions): Promise<void> {
  if (!/^https:\/\//.test(url) && !/^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(url))
    throw new StepFailure('schema', 'notify.url', 'A webhook must be an https:// address.', {
      hint: 'Correct it in the provider configuration.',
    });
  const body = JSON.stringify(
    message.channel === 'slack'
      ? { text: `*${message.subject}*\n${message.text}` }
      : { ...message.data, subject: message.subject, text: message.text },
  );
  const timestamp = String(Math.floor(options.now() / 1000));
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'idempotency-key': idOf(message),
    'x-convergence-timestamp': timestamp,
  };
  // The time is signed too, so that an old message can not be played again.
  if (message.secret)
    headers['x-convergence-signature'] = `v1=${createHmac('sha256', message.secret).update(`${timestamp}.${body}`).digest('hex')}`;
  let status: number;
  try {
    const response = await options.fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: AbortSignal.timeout(SEND_MS) });
    await response.body?.cancel();
    status = response.status;
  } catch (cause) {
    if (cause instanceof StepFailure) throw cause;
    throw new StepFailure('source_not_ready', 'notify.unreachable', `The ${message.channel} address can not be reached.`, {
      hint: 'It is tried again by itself.',
      transient: true,
      cause,
    });
  }
  if (status < 300) return;
  throw new StepFailure('source_not_ready', 'notify.refused', `The ${message.channel} address answered ${status}.`, {
    hint: status === 429 || status >= 500 ? 'It is tried again by itself.' : 'Check the address in the provider configuration.',
    transient: status === 429 || status >= 500,
  });
}
