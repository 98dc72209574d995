/** Composes the broker and serves it over gRPC. */
import { join } from 'node:path';
import type { Control } from '../control/index.ts';
import { admission } from '../grpc/admission.ts';
import { descriptors, listen } from '../grpc/server.ts';
import type { Identity } from '../identity/index.ts';
import { Broker } from './broker.ts';
import { dataPlane } from './data-plane.ts';
import { expireByAge } from './expire-by-age.ts';
import { recover } from './recover.ts';
import { snapshotRpcs } from './snapshots.ts';
import { Store } from './store.ts';
import { streamingPull } from './streaming-pull.ts';
import { subscriptionRpcs } from './subscriptions.ts';
import { topicRpcs } from './topics.ts';

export interface PubSub {
  readonly port: number;
  /** A message of another part of this process, as if it had come over the wire. */
  publish(topic: string, data: Buffer, attributes: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

const FAULT_POINTS = {
  'pubsub.publish.unavailable': 'Publish answers UNAVAILABLE and stores nothing',
  'pubsub.publish.slow': 'Publish waits before it stores',
  'pubsub.publish.answer_lost': 'Publish stores, then answers UNAVAILABLE',
  'pubsub.ack.unavailable': 'Acknowledge answers UNAVAILABLE and acks nothing',
  'pubsub.ack.answer_lost': 'Acknowledge acks, then answers UNAVAILABLE',
  'pubsub.ack.late': 'Acknowledge acks, then answers late',
  'pubsub.extend.late': 'ModifyAckDeadline takes effect, then answers late',
  'pubsub.delivery.duplicate': 'a batch is sent twice',
  'pubsub.delivery.delay': 'a batch is sent later, behind younger ones',
  'pubsub.delivery.reorder': 'a batch is sent back to front',
  'pubsub.lease.expire': 'the leases of a batch end right after it was sent',
  'pubsub.stream.reset': 'a stream ends with UNAVAILABLE right after a batch',
};
/** Larger than any request that Google takes, so that a publish of 11 MB gets its error text instead of the transport's. */
const TRANSPORT_LIMIT = 32 * 1024 * 1024;
const PASS_MS = 20;
const AGE_MS = 1000;

export async function startPubSub(options: {
  readonly port: number;
  readonly dataDir: string;
  readonly control: Control;
  readonly identity: Identity;
  readonly log: (message: string, error?: unknown) => void;
}): Promise<PubSub> {
  const { control, log } = options;
  control.faults.declare(FAULT_POINTS);
  const store = new Store(join(options.dataDir, 'pubsub.db'), (error) => log('pubsub: the log could not be flushed', error));
  const broker = new Broker({
    store,
    now: control.clock.now,
    fatal: (error) => {
      log('pubsub: a commit failed, stopping', error);
      process.exit(1);
    },
  });
  recover(broker);
  const onBug = (method: string, error: unknown): void => log(`pubsub: ${method} failed`, error);
  const root = descriptors('@google-cloud/pubsub/build/protos/protos.json');
  const PublishRequest = root.lookupType('google.pubsub.v1.PublishRequest');
  const { Publish, Acknowledge, ModifyAckDeadline, Pull } = dataPlane(broker, control);
  const server = await listen({
    port: options.port,
    admit: admission(options.identity),
    maxRequestBytes: TRANSPORT_LIMIT,
    onBug,
    services: [
      { root, name: 'google.pubsub.v1.Publisher', handlers: { ...topicRpcs(broker), Publish } },
      {
        root,
        name: 'google.pubsub.v1.Subscriber',
        handlers: {
          ...subscriptionRpcs(broker),
          ...snapshotRpcs(broker),
          Acknowledge,
          ModifyAckDeadline,
          Pull,
          StreamingPull: { bidi: streamingPull(broker, control, onBug) },
        },
      },
      { root, name: 'google.pubsub.v1.SchemaService', handlers: {} },
    ],
  });
  const passing = setInterval(() => broker.pass(), PASS_MS);
  const aging = setInterval(() => expireByAge(broker), AGE_MS);
  return {
    port: server.port,
    async publish(topic, data, attributes) {
      // The one in this process is nobody's call.
      await Publish.raw(Buffer.from(PublishRequest.encode({ topic, messages: [{ data, attributes }] }).finish()), undefined as never);
    },
    async close() {
      clearInterval(passing);
      clearInterval(aging);
      await server.close();
      broker.tick();
      await store.close();
    },
  };
}
