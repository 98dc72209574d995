import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { refuseBadHttp } from './bad-http.ts';
import { baseFields } from './base-config.ts';
import { route } from './route.ts';
import { type RunningService, startService } from './run.ts';

/** All that comes back on one connection, until the other side closes it. */
async function said(port: number, ...parts: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let next = 0;
  const say = () => next < parts.length && socket.write(parts[next++]!);
  socket.on('connect', say).on('data', (data) => {
    text += data;
    say();
  });
  await new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined));
  return text;
}
function problemIn(answer: string) {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toMatch(/^content-type: application\/problem\+json/im);
  expect(head).toMatch(/^x-request-id: [\w-]{36}/im);
  expect(head).toMatch(/^connection: close/im);
  const { status, code } = JSON.parse(body);
  expect(head).toContain(`HTTP/1.1 ${status} `);
  return `${status} ${code}`;
}
let service: RunningService;
beforeAll(async () => {
  async function* unending() {
    yield 'begun';
    await new Promise(() => undefined);
  }
  const endless = route({ method: 'GET', path: '/endless' }, () => ({
    headers: { 'Content-Type': 'text/plain' },
    body: Readable.from(unending()),
  }));
  const emulators = ['PUBSUB', 'BIGQUERY', 'BIGQUERY_STORAGE', 'KMS'].map((name) => [`${name}_EMULATOR_HOST`, '127.0.0.1:1']);
  const env = { PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'silent', INTERNAL_SIGNING_KEY: 'x'.repeat(40), ...Object.fromEntries(emulators) };
  service = await startService({
    name: 'tenant-service',
    fields: baseFields(8081),
    env,
    build: () => ({ routes: [endless], authenticate: async () => ({ principal: { kind: 'anonymous' } }) }),
  });
});
afterAll(() => service.stop());
const LONG = 'x'.repeat(20_000);

test.each([
  ['no HTTP at all', 'hello\r\n\r\n', '400 request.bad_http'],
  ['another version', 'GET / HTTP/7.3\r\nHost: x\r\n\r\n', '400 request.bad_http'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', '400 request.bad_http'],
  ['a control character in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: \u0001\r\n\r\n', '400 request.bad_http'],
  ['no Host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', '400 request.bad_http'],
  ['a header of 20 KB', `GET / HTTP/1.1\r\nHost: x\r\nA: ${LONG}\r\n\r\n`, '431 request.headers_too_large'],
  ['an address of 20 KB', `GET /${LONG} HTTP/1.1\r\nHost: x\r\n\r\n`, '431 request.headers_too_large'],
  ['an expectation', 'GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: a-pony\r\nConnection: close\r\n\r\n', '417 request.expectation_failed'],
  [
    'extensions of a chunk of 20 KB',
    `POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a=${LONG}\r\nx\r\n0\r\n\r\n`,
    '413 request.too_large',
  ],
])('%s is answered with a problem document', async (_, request, expected) => {
  expect(problemIn(await said(service.port, request))).toBe(expected);
});

test('what clients of HTTP/1.0, and those that wait for 100, send is served', async () => {
  expect(await said(service.port, 'GET /healthz HTTP/1.0\r\n\r\n')).toContain('HTTP/1.1 200');
  const waiting = 'GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n';
  expect(await said(service.port, waiting)).toContain('HTTP/1.1 200');
});

test('a request that does not arrive in time is told so', async () => {
  const never: RequestListener = () => undefined;
  const server = createServer({ requestTimeout: 20, headersTimeout: 20, connectionsCheckingInterval: 10 }, never);
  refuseBadHttp(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const answer = await said(port, 'GET / HTTP/1.1\r\nHost: x\r\n');
  server.close();
  expect(problemIn(answer)).toBe('408 request.timeout');
});

test('nothing is written into an answer that has begun', async () => {
  const answer = await said(service.port, 'GET /endless HTTP/1.1\r\nHost: x\r\n\r\n', 'no HTTP\r\n\r\n');
  expect(answer).toContain('begun');
  expect(answer).not.toContain('problem+json');
});
