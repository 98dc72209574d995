/**
 * How much a client may send before it has to wait for a word from the server. HTTP/2 starts with 64 KB for a whole connection, less
 * than one batch of messages, so a publisher would stand still more than it sends. `@grpc/grpc-js` has a setting for it in its client
 * but not in its server; Node tells of each new stream on a channel of its own, and with it of the connection.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';

const CHANNEL = 'http2.server.stream.created';
const CONNECTION_BYTES = 4 * 1024 * 1024;
const STREAM_BYTES = 1024 * 1024;
const widened = new WeakSet<ServerHttp2Session>();

/** For every HTTP/2 server of this process; asked twice it does no more. */
export function widenFlowWindows(): void {
  unsubscribe(CHANNEL, widen);
  subscribe(CHANNEL, widen);
}

function widen(message: unknown): void {
  const { session } = (message as { readonly stream: ServerHttp2Stream }).stream;
  if (session === undefined || session.destroyed || widened.has(session as ServerHttp2Session)) {
    return;
  }
  widened.add(session as ServerHttp2Session);
  session.setLocalWindowSize(CONNECTION_BYTES);
  session.settings({ initialWindowSize: STREAM_BYTES });
}
