import { once } from 'node:events';
import { connect } from 'node:http2';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { widenFlowWindows } from './flow-window.ts';

const server = new grpc.Server();
let port = 0;
beforeAll(async () => {
  widenFlowWindows();
  port = await new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
});
afterAll(() => server.forceShutdown());

test('after its first call a client may send megabytes before it has to wait', async () => {
  const session = connect(`http://127.0.0.1:${port}`);
  const streamWindows: (number | undefined)[] = [];
  session.on('remoteSettings', ({ initialWindowSize }) => streamWindows.push(initialWindowSize));
  const call = session.request({
    ':method': 'POST',
    ':path': '/no.such.Service/Method',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  call.resume().end();
  await once(call, 'close');
  // The answer came after both frames, in order; a ping more and they are worked in.
  await new Promise((resolve) => session.ping(resolve));
  expect(streamWindows.at(-1)).toBe(1024 * 1024);
  expect(session.state.remoteWindowSize).toBe(4 * 1024 * 1024);
  session.close();
  await once(session, 'close');
});
