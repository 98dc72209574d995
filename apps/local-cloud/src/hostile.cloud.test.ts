/**
 * A minute of bad input to each gRPC product and to the control endpoint, all four at once. Every call gets a
 * status, and the process answers a good call afterwards.
 */
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { descriptors } from './grpc/server.ts';
import { brokenFrames, brokenTransport, call, hostileBytes, pick, same, stream } from './hostile-clients.ts';
import { type StartedProcess, startProcess } from './started-process.ts';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 60);
const CALLERS = 10;
/** A Pull that is right waits for a message; the others answer at once whatever they get. */
const WAITS = '/google.pubsub.v1.Subscriber/Pull';

type Product = 'pubsub' | 'kms' | 'storage';
const DESCRIBED: Record<Product, { module: string; services: string[] }> = {
  pubsub: {
    module: '@google-cloud/pubsub/build/protos/protos.json',
    services: ['google.pubsub.v1.Publisher', 'google.pubsub.v1.Subscriber', 'google.pubsub.v1.SchemaService'],
  },
  kms: {
    module: '@google-cloud/kms/build/protos/protos.json',
    services: ['google.cloud.kms.v1.KeyManagementService', 'google.cloud.kms.v1.EkmService'],
  },
  storage: {
    module: '@google-cloud/bigquery-storage/build/protos/protos.json',
    services: ['google.cloud.bigquery.storage.v1.BigQueryWrite', 'google.cloud.bigquery.storage.v1.BigQueryRead'],
  },
};

function methodsOf(product: Product): { unary: string[]; streams: string[] } {
  const { module, services } = DESCRIBED[product];
  const root = descriptors(module);
  const methods = services.flatMap((service) =>
    root.lookupService(service).methodsArray.map(({ name, requestStream }) => ({ path: `/${service}/${name}`, requestStream })),
  );
  return {
    unary: [
      ...methods.filter(({ path, requestStream }) => !requestStream && path !== WAITS).map(({ path }) => path),
      `/${services[0]}/NoSuchMethod`,
      '/no.such.Service/Method',
    ],
    streams: methods.filter(({ requestStream }) => requestStream).map(({ path }) => path),
  };
}

describe('bad input', () => {
  let cloud: StartedProcess;
  beforeAll(async () => {
    cloud = await startProcess();
  });
  afterAll(() => cloud.dispose());

  /** Each client goes on by itself, so that none waits for a slow one. */
  const until = (end: number, count: number, act: () => Promise<unknown>): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, async () => {
        while (performance.now() < end) {
          await act();
        }
      }),
    );

  const fuzz = async (product: Product, end: number): Promise<{ statuses: Map<number, number>; broken: string[] }> => {
    const statuses = new Map<number, number>();
    /** Calls that hung until their deadline or hit a bug of ours. */
    const broken: string[] = [];
    const tried = async (path: string, sent: readonly Buffer[], answer: Promise<number>): Promise<void> => {
      const code = await answer;
      statuses.set(code, (statuses.get(code) ?? 0) + 1);
      if (code === grpc.status.DEADLINE_EXCEEDED || code === grpc.status.INTERNAL)
        broken.push(`${grpc.status[code]} ${path} ${sent.map((bytes) => bytes.subarray(0, 500).toString('base64')).join(' ')}`);
    };
    const host = cloud.addresses[product];
    const { unary, streams } = methodsOf(product);
    const client = new grpc.Client(host, grpc.credentials.createInsecure());
    const messages = () => Array.from({ length: 1 + Math.floor(Math.random() * 3) }, hostileBytes);
    await Promise.all([
      until(end, CALLERS, () => {
        const [path, bytes] = [pick(unary), hostileBytes()];
        return tried(path, [bytes], call(client, path, bytes));
      }),
      ...streams.map((path) =>
        until(end, 2, () => {
          const sent = messages();
          return tried(path, sent, stream(client, path, sent));
        }),
      ),
      until(end, 2, () => brokenFrames(host, pick([...unary, ...streams]))),
      until(end, 2, () => brokenTransport(host)),
    ]);
    client.close();
    return { statuses, broken };
  };

  const fuzzControl = async (end: number): Promise<Map<number, number>> => {
    const statuses = new Map<number, number>();
    const paths = ['/__control/faults', '/__control/limits', '/__control/clock', '/__stats', '/__control', '/__', '/healthz'];
    const bodies = () => [
      '{"limits": 1}',
      '{"factor": -1}',
      '{"factor": 1e99}',
      '{"pubsub.publish.slow": {"probability": "often"}}',
      '{"__proto__": {"times": 1}}',
      '[]',
      'null',
      hostileBytes(),
      Buffer.alloc(1_100_000, '['),
    ];
    await until(end, 2, async () => {
      const method = pick(['GET', 'PUT', 'POST', 'PATCH', 'OPTIONS']);
      const body = method === 'GET' ? undefined : pick(bodies());
      const { status } = await fetch(`${cloud.addresses.bigquery}${pick(paths)}`, {
        method,
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(10_000),
      });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    });
    return statuses;
  };

  test(
    'of any kind gets a status and never takes the process down',
    async () => {
      const { pid } = cloud;
      const end = performance.now() + SECONDS * 1000;
      const [control, ...products] = await Promise.all([
        fuzzControl(end),
        ...(['pubsub', 'kms', 'storage'] as const).map((product) => fuzz(product, end)),
      ]);
      expect(cloud.pid).toBe(pid);
      expect(await cloud.control('GET', '/healthz')).toMatchObject({ status: 'ok' });
      expect(await cloud.control('GET', '/__control/limits')).toEqual({ limits: 'off' });
      expect([...control!.keys()].filter((status) => status >= 500)).toEqual([]);
      expect(control!.get(400) ?? 0).toBeGreaterThan(0);
      for (const { statuses, broken } of products) {
        expect(broken).toEqual([]);
        expect(statuses.get(grpc.status.INVALID_ARGUMENT) ?? 0).toBeGreaterThan(100);
        expect(statuses.get(grpc.status.UNIMPLEMENTED) ?? 0).toBeGreaterThan(0);
      }
      expect(cloud.stderr()).toBe('');
    },
    (SECONDS + 60) * 1000,
  );

  test('a method that is not served is named', async () => {
    const client = new grpc.Client(cloud.addresses.kms, grpc.credentials.createInsecure());
    const details = await new Promise((resolve) => {
      client.makeUnaryRequest('/google.cloud.kms.v1.KeyManagementService/MacSign', same, same, Buffer.alloc(0), (error) =>
        resolve(error?.details),
      );
    });
    client.close();
    expect(details).toBe('google.cloud.kms.v1.KeyManagementService.MacSign is not part of local-cloud.');
  });
});
