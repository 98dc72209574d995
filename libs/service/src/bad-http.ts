/**
 * Requests that Node would refuse by itself, without a word: what is no HTTP, too large, too slow, or expects what nobody does.
 *
 * 1. They are answered with a problem document, as every other error. 2. Nothing is written into an answer that has begun.
 */
import { randomUUID } from 'node:crypto';
import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Refusal } from '@convergence/contracts';
import type { Middleware } from 'koa';
import { problemOf } from './problem.ts';

/** For `createServer`: `refuseMisfits` says it. */
export const BAD_HTTP = { requireHostHeader: false };

export function refuseBadHttp(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The answer that is under way on it, which Node looks at, too.
    const { _httpMessage: under } = socket as { _httpMessage?: ServerResponse | null };
    if (!socket.writable || under?.headersSent) return void socket.destroy();
    socket.write(answerTo(error));
    (socket as Socket).destroySoon();
  });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

/** The first thing an app does. */
export const refuseMisfits: Middleware = ({ req }, next) => {
  const { host, expect } = req.headers;
  if (host === undefined && req.httpVersion !== '1.0') throw new Refusal('request.bad_http', 'The header Host is missing.');
  if (expect !== undefined && !/\b100-continue\b/i.test(expect)) {
    throw new Refusal('request.expectation_failed', 'Nothing can be expected but 100-continue.');
  }
  return next();
};

function answerTo({ code }: NodeJS.ErrnoException): string {
  const id = randomUUID();
  const { status, body } = problemOf(refusalOf(code), id);
  const text = JSON.stringify(body);
  const head = {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(text),
    'X-Request-Id': id,
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', text].join('\r\n');
}

function refusalOf(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') return new Refusal('request.headers_too_large', 'Address and headers are more than 16 KB.');
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new Refusal('request.too_large', 'The extensions of a chunk are more than 16 KB.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Refusal('request.timeout', 'The request did not arrive in time.');
  return new Refusal('request.bad_http', 'What came is no HTTP request.');
}
