/**
 * What gRPC itself costs on this machine: a server that does nothing but answer with what it got, in a process of its own, and the
 * bytes of one request going there and back. The measure beside which the products of local-cloud are put.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(new URL('../../../apps/local-cloud/package.json', import.meta.url));
const grpc = require('@grpc/grpc-js') as typeof import('@grpc/grpc-js');
const same = (value: Buffer): Buffer => value;

export interface Echo {
  /** One unary call there and back. */
  call(bytes: Buffer): Promise<void>;
  /** Messages on one open stream: resolves when as many came back as `count`. */
  stream(bytes: Buffer, count: number): Promise<void>;
  /** One open stream, one message at a time. */
  talk(): { say(bytes: Buffer): Promise<void>; end(): void };
  close(): void;
}

export async function startEcho(): Promise<Echo> {
  const child = spawn(process.execPath, ['--no-warnings', fileURLToPath(import.meta.url), 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())));
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return {
    call: (bytes) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest('/bench.Echo/Call', same, same, bytes, (error) => (error ? reject(error) : resolve()));
      }),
    stream: (bytes, count) =>
      new Promise((resolve, reject) => {
        const call = client.makeBidiStreamRequest('/bench.Echo/Stream', same, same);
        let back = 0;
        call.on('data', () => {
          back++;
          if (back === count) {
            call.end();
            resolve();
          }
        });
        call.on('error', reject);
        for (let sent = 0; sent < count; sent++) {
          call.write(bytes);
        }
      }),
    talk() {
      const call = client.makeBidiStreamRequest('/bench.Echo/Stream', same, same);
      let heard: () => void = () => {};
      call.on('data', () => heard());
      return {
        say: (bytes) =>
          new Promise((resolve) => {
            heard = resolve;
            call.write(bytes);
          }),
        end: () => call.end(),
      };
    },
    close() {
      client.close();
      child.kill('SIGKILL');
    },
  };
}

function serve(): void {
  const server = new grpc.Server();
  const shape = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
  server.addService(
    {
      Call: { path: '/bench.Echo/Call', requestStream: false, responseStream: false, ...shape },
      Stream: { path: '/bench.Echo/Stream', requestStream: true, responseStream: true, ...shape },
    },
    {
      Call: (call: { request: Buffer }, callback: (error: null, value: Buffer) => void) => callback(null, call.request),
      Stream: (call: import('@grpc/grpc-js').ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (bytes: Buffer) => call.write(bytes));
        call.on('end', () => call.end());
      },
    },
  );
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => console.log(String(port)));
}

if (process.argv[2] === 'serve') {
  serve();
}
