/**
 * What HTTP and a client cost without a service behind them: a server in a process of its own that answers every request with the same
 * bytes. The measure beside which an HTTP product of local-cloud is put.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

export interface Canned {
  readonly pid: number;
  readonly origin: string;
  close(): void;
}

export async function startCanned(answer: string): Promise<Canned> {
  const child = spawn(process.execPath, ['--no-warnings', fileURLToPath(import.meta.url), 'serve'], {
    env: { ...process.env, CANNED_ANSWER: answer },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())));
  return { pid: child.pid!, origin: `http://127.0.0.1:${port}`, close: () => void child.kill('SIGKILL') };
}

function serve(): void {
  const answer = Buffer.from(process.env.CANNED_ANSWER ?? '{}');
  const headers = { 'content-type': 'application/json; charset=UTF-8', 'content-length': answer.length };
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, headers).end(answer));
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    console.log(typeof address === 'object' && address ? address.port : '');
  });
}

if (process.argv[2] === 'serve' && process.argv[1] === fileURLToPath(import.meta.url)) serve();
