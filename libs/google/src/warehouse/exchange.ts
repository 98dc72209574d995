/**
 * One request and all of its answer. The answer's bytes go where they stay: fetch hands them on as a stream of pieces, which for pages of
 * rows costs as much as reading them.
 */
import { Agent, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps, Agent as SecureAgent } from 'node:https';
import { finished } from 'node:stream/promises';

export interface Asked {
  readonly method: string;
  readonly headers: Headers | Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}
export interface Answered {
  readonly status: number;
  readonly text: string;
}

/**
 * An idle connection is kept for a minute, or for less where the server says so: Node heeds what it says only beside a time of our own,
 * which no request's silence may equal: that one would have to do with what is left of the shorter time.
 */
const kept = { keepAlive: true, timeout: 60_000 };
const agent = new Agent(kept);
const secureAgent = new SecureAgent(kept);

/** Fails when nothing comes for that long, before the answer or in it. */
export function exchange(url: URL, { method, headers, body }: Asked, silentMs: number): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const begun = (answer: IncomingMessage) => {
      bytesOf(answer).then((bytes) => resolve({ status: answer.statusCode ?? 0, text: bytes.toString() }), reject);
    };
    const options = {
      method,
      timeout: silentMs,
      headers: {
        ...Object.fromEntries(new Headers(headers)),
        ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
      },
    };
    const sent =
      url.protocol === 'https:' ? overHttps(url, { ...options, agent: secureAgent }, begun) : overHttp(url, { ...options, agent }, begun);
    sent.once('timeout', () => sent.destroy(new Error('BigQuery did not answer in time')));
    sent.once('error', reject);
    sent.end(body);
  });
}

async function bytesOf(answer: IncomingMessage): Promise<Buffer> {
  const length = Number(answer.headers['content-length'] ?? Number.NaN);
  if (Number.isNaN(length)) return Buffer.concat(await answer.toArray());
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  answer.on('data', (piece: Buffer) => {
    at += piece.copy(bytes, at);
  });
  await finished(answer);
  return bytes.subarray(0, at);
}
