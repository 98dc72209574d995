import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mailer } from './mailer.ts';

const from = 'Convergence <no-reply@convergence.example>';

test('without a server each message becomes a file that any mail program opens, readable by its owner alone', async () => {
  const outbox = join(await mkdtemp(join(tmpdir(), 'mailer-')), 'outbox');
  const sender = mailer({ smtpUrl: undefined, from, outbox });
  await sender.send({ id: 'a', to: 'a@b.co', subject: 'Grüße', text: 'Hallo\n' });
  const [name = ''] = await readdir(outbox);
  expect(name).toMatch(/\.eml$/);
  expect(await readFile(join(outbox, name), 'utf8')).toMatch(/From: Convergence <no-reply@convergence\.example>[\s\S]*Hallo/);
  expect((await stat(join(outbox, name))).mode & 0o077).toBe(0);
  await sender.close();
  await rm(join(outbox, '..'), { recursive: true });
});

test('with a server it goes out by SMTP; a subject can not smuggle in a header', async () => {
  const said: string[] = [];
  const server = createServer((socket) => {
    let data = false;
    socket.write('220 test\r\n');
    socket.on('data', (chunk) => {
      const text = chunk.toString('utf8');
      said.push(text);
      if (data) {
        if (text.includes('\r\n.\r\n')) {
          data = false;
          socket.write('250 taken\r\n');
        }
        return;
      }
      if (/^DATA/.test(text)) data = true;
      socket.write(/^DATA/.test(text) ? '354 go\r\n' : /^QUIT/.test(text) ? '221 bye\r\n' : '250 ok\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const sender = mailer({ smtpUrl: `smtp://127.0.0.1:${port}?ignoreTLS=true`, from, outbox: '/nowhere' });
  await sender.send({ id: 'b', to: 'a@b.co', subject: 'Hi\r\nBcc: evil@x.co', text: 'x' });
  await sender.close();
  await new Promise((resolve) => server.close(resolve));
  expect(said.join('')).toContain('RCPT TO:<a@b.co>');
  expect(said.join('')).not.toMatch(/^Bcc:/m);
});

test('who leaves does not wait for a server that does not answer', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const sender = mailer({ smtpUrl: `smtp://127.0.0.1:${port}`, from, outbox: '/nowhere' });
  const sent = sender.send({ id: 'c', to: 'a@b.co', subject: 'x', text: 'x' });
  const refused = expect(sent).rejects.toThrow('did not take the message');
  await sender.close();
  await refused;
  server.close();
});
