/**
 * Sends e-mail: by SMTP where there is a server, else each message becomes an .eml file in a folder, which any mail program opens.
 * 1. `send` resolves when the server took it or the file is on disk.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}
export interface Mailer {
  send(mail: Mail): Promise<void>;
  close(): void;
}

export function mailer(options: { readonly smtpUrl: string | undefined; readonly from: string; readonly outbox: string }): Mailer {
  const { from, outbox } = options;
  if (options.smtpUrl) {
    const transport = createTransport(options.smtpUrl);
    return {
      send: async (mail) => void (await transport.sendMail({ from, ...mail })),
      close: () => transport.close(),
    };
  }
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
  return {
    async send(mail) {
      const { message } = await composer.sendMail({ from, ...mail });
      await mkdir(outbox, { recursive: true, mode: 0o700 });
      const file = join(outbox, `${new Date().toISOString().replace(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}.eml`);
      await writeFile(`${file}.part`, message as Buffer, { mode: 0o600 });
      await rename(`${file}.part`, file);
    },
    close: () => composer.close(),
  };
}
