/**
 * The least HTTP client that can put load on a server of ours without taking the cores it needs: kept-alive connections, one
 * request at a time on each, answers told apart by Content-Length or chunks.
 */
import { connect, type Socket } from 'node:net';

export interface Answered {
  readonly status: number;
  readonly text: string;
  /** From when it was due. */
  readonly ms: number;
  /** Of `ms` what the load itself came late with, when it was asked at a rate. */
  readonly late?: number;
}
type Headers = Readonly<Record<string, string>>;

export class HttpConnections {
  readonly #port: number;
  readonly #free: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  #open = 0;
  readonly #max: number;

  constructor(port: number, max: number) {
    this.#port = port;
    this.#max = max;
  }

  async ask(method: string, path: string, headers: Headers, body = '', due = performance.now()): Promise<Answered> {
    const connection = await this.#take();
    const lines = [`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1'];
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    if (body) lines.push('content-type: application/json', `content-length: ${Buffer.byteLength(body)}`);
    try {
      const { status, text } = await connection.send(`${lines.join('\r\n')}\r\n\r\n${body}`);
      return { status, text, ms: performance.now() - due };
    } finally {
      this.#give(connection);
    }
  }

  /** `count` requests, as fast as so many at once are answered. */
  async flood(count: number, ask: (n: number) => Promise<Answered>, atOnce = this.#max): Promise<Answered[]> {
    const answers: Answered[] = [];
    let next = 0;
    const worker = async () => {
      for (let n = next++; n < count; n = next++) answers.push(await ask(n));
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return answers;
  }

  /** So many a second for so many seconds, whatever becomes of those before, in the order of asking. Text is kept of what was not 200. */
  async atRate(perSecond: number, seconds: number, ask: (n: number) => Promise<Answered>): Promise<Answered[]> {
    const began = performance.now();
    const answers: Promise<Answered>[] = [];
    const kept = async (asked: Promise<Answered>, late: number): Promise<Answered> => {
      const { status, text, ms } = await asked;
      return { status, text: status === 200 ? '' : text, ms: ms + late, late };
    };
    for (let n = 0; n < perSecond * seconds; ) {
      const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - began) / 1000) * perSecond) + 1);
      for (; n < due; n++) {
        const late = performance.now() - (began + (n / perSecond) * 1000);
        answers.push(kept(ask(n), late));
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return Promise.all(answers);
  }

  close(): void {
    for (const connection of this.#free) connection.end();
  }

  async #take(): Promise<Connection> {
    const free = this.#free.pop();
    if (free) return free;
    if (this.#open < this.#max) {
      this.#open++;
      return Connection.to(this.#port);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(connection: Connection): void {
    const next = this.#waiting.shift();
    if (!connection.alive) {
      this.#open--;
      if (next) void this.#take().then(next);
    } else if (next) next(connection);
    else this.#free.push(connection);
  }
}

class Connection {
  readonly #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #done: ((answer: { status: number; text: string }) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;
  alive = true;

  static to(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Connection(socket)));
      socket.setNoDelay(true);
      socket.once('error', reject);
    });
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.#failed?.(error));
    socket.on('close', () => {
      this.alive = false;
      this.#failed?.(new Error('the connection was closed'));
    });
  }

  send(request: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  end(): void {
    this.#socket.end();
  }

  #read(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    const headEnd = this.#buffer.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#buffer.toString('latin1', 0, headEnd);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? Number.NaN);
    const end = Number.isNaN(length) ? this.#buffer.indexOf('0\r\n\r\n', headEnd) + 5 : headEnd + 4 + length;
    if ((Number.isNaN(length) && end < 5) || this.#buffer.length < end) return;
    const text = this.#buffer.toString('utf8', headEnd + 4, end);
    this.#buffer = this.#buffer.subarray(end);
    if (/^connection: close/im.test(head)) this.alive = false;
    this.#done?.({ status: Number(head.slice(9, 12)), text });
  }
}
