/**
 * Sends e-mail: by SMTP where there is a server, else each message becomes an .eml file in a folder, which any mail program opens.
 * 1. `send` resolves when the server took it or the file is on disk. 2. The same message again, after a crash that hid that it was sent, has the
 * same Message-ID and the same file: it is seen for what it is. 3. `close` does not wait for a server that does not answer: what it did not take
 * fails, and is sent again by whoever has it to send.
 */
import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createTransport } from 'nodemailer';

const SEND_MS = 15_000;
/** What a server is about to take when the service leaves. */
const LAST_MS = 1_000;

export interface Mail {
  /** What it is about: the same again has the same. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}
export interface Mailer {
  send(mail: Mail): Promise<void>;
  close(): Promise<void>;
}

const digest = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 32);
const messageId = (id: string): string => `<${digest(id)}@convergence>`;

export function mailer(options: { readonly smtpUrl: string | undefined; readonly from: string; readonly outbox: string }): Mailer {
  const { from, outbox } = options;
  if (options.smtpUrl) {
    const transport = createTransport({
      url: options.smtpUrl,
      connectionTimeout: SEND_MS,
      greetingTimeout: SEND_MS,
      socketTimeout: SEND_MS,
    });
    const under = new Map<Promise<unknown>, (cause: Error) => void>();
    return {
      async send({ id, ...mail }) {
        const left = Promise.withResolvers<never>();
        const sent = Promise.race([transport.sendMail({ from, messageId: messageId(id), ...mail }), left.promise]);
        under.set(sent, left.reject);
        await sent.finally(() => under.delete(sent));
      },
      async close() {
        await Promise.race([Promise.allSettled(under.keys()), setTimeout(LAST_MS, undefined, { ref: false })]);
        for (const leave of under.values()) leave(new Error('The mail server did not take the message in time.'));
        transport.close();
      },
    };
  }
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
  return {
    async send({ id, ...mail }) {
      const { message } = await composer.sendMail({ from, messageId: messageId(id), ...mail });
      await mkdir(outbox, { recursive: true, mode: 0o700 });
      const file = join(outbox, `${digest(id)}.eml`);
      await writeFile(`${file}.part`, message as Buffer, { mode: 0o600 });
      await rename(`${file}.part`, file);
    },
    close: async () => composer.close(),
  };
}
