/**
 * One StreamingPull stream: reads its requests, hands it batches within its flow control, answers empty requests.
 *
 * 1. The stream never has more messages or bytes unacked than it asked for (0 = no limit), a first message larger than the limit aside.
 * 2. A stream whose socket is full gets nothing until it drains.
 * 3. Leases of a stream that ends stay until their deadline, as Google does it.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Control } from '../control/index.ts';
import { GrpcRefusal } from '../grpc/refusal.ts';
import { toStatus } from '../grpc/server.ts';
import type { Broker } from './broker.ts';
import type { Delivery, Line } from './delivery.ts';
import { InvalidAckId, type Outgoing, parseAckId, receivedMessages } from './delivery-bytes.ts';
import { checkName, notFound } from './names.ts';
import { cursor, length, Malformed, skip, text, varint } from './protobuf-bytes.ts';
import type { Receiver, Subscription } from './resources.ts';

type Stream = ServerDuplexStream<Buffer, Uint8Array>;

interface StreamRequest {
  subscription: string;
  ackIds: string[];
  modifySeconds: number[];
  modifyIds: string[];
  ackDeadlineSeconds: number | null;
  maxMessages: number;
  maxBytes: number;
}

const EMPTY = Buffer.alloc(0);
const BATCH = 200;
const BATCH_BYTES = 512 * 1024;

export function streamingPull(broker: Broker, control: Control, onBug: (method: string, error: unknown) => void): (call: Stream) => void {
  return (call) => {
    let receiver: StreamReceiver | undefined;
    const fail = (error: unknown): void => {
      receiver?.close();
      call.emit('error', toStatus(error, 'StreamingPull', onBug));
    };
    call.on('data', (bytes: Buffer) => {
      try {
        const request = readRequest(bytes);
        if (receiver === undefined) {
          const subscription = broker.subscription(checkName('subscriptions', request.subscription));
          refuseDetached(subscription);
          receiver = new StreamReceiver(call, broker, control, subscription, request, fail);
        } else {
          receiver.next(request, bytes.length === 0);
        }
      } catch (error) {
        fail(translate(error));
      }
    });
    call.on('end', () => {
      receiver?.close();
      call.end();
    });
    call.on('cancelled', () => receiver?.close());
    call.on('close', () => receiver?.close());
  };
}

class StreamReceiver implements Receiver {
  readonly batch = BATCH;
  readonly batchBytes = BATCH_BYTES;
  readonly lines = new Set<Line>();
  leaseMs: number;
  readonly #call: Stream;
  readonly #broker: Broker;
  readonly #control: Control;
  readonly #subscription: Subscription;
  readonly #fail: (error: unknown) => void;
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #messages = 0;
  #bytes = 0;
  #full = false;
  #closed = false;

  constructor(
    call: Stream,
    broker: Broker,
    control: Control,
    subscription: Subscription,
    request: StreamRequest,
    fail: (error: unknown) => void,
  ) {
    this.#call = call;
    this.#broker = broker;
    this.#control = control;
    this.#subscription = subscription;
    this.#fail = fail;
    this.#maxMessages = request.maxMessages > 0 ? request.maxMessages : Number.POSITIVE_INFINITY;
    this.#maxBytes = request.maxBytes > 0 ? request.maxBytes : Number.POSITIVE_INFINITY;
    this.leaseMs = checkDeadline(request.ackDeadlineSeconds ?? 0) * 1000;
    call.on('drain', () => {
      this.#full = false;
      broker.serve(subscription);
    });
    subscription.receivers.add(this);
    // Tells the client at once whether exactly-once delivery and ordering are on.
    call.write(receivedMessages([], propertiesOf(subscription)));
    broker.serve(subscription);
  }

  next(request: StreamRequest, empty: boolean): void {
    if (empty) {
      this.#call.write(EMPTY);
      return;
    }
    if (request.subscription !== '') {
      throw new GrpcRefusal('INVALID_ARGUMENT', 'The subscription field may be set only on the first request of a stream.');
    }
    if (request.ackDeadlineSeconds !== null) {
      this.leaseMs = checkDeadline(request.ackDeadlineSeconds) * 1000;
    }
    const now = this.#broker.now();
    const { backlog } = this.#subscription;
    for (const id of request.ackIds) {
      backlog.ack(...parseAckId(id));
    }
    request.modifyIds.forEach((id, i) => {
      const seconds = request.modifySeconds[i] ?? 0;
      if (seconds > 0) {
        backlog.extend(...parseAckId(id), now + seconds * 1000);
      } else {
        backlog.nack(...parseAckId(id), now);
      }
    });
    if (request.ackIds.length + request.modifyIds.length > 0) {
      this.#broker.serve(this.#subscription);
    }
  }

  wants(): boolean {
    return !this.#closed && !this.#full && this.#messages < this.#maxMessages && this.#bytes < this.#maxBytes;
  }

  leased(bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
  }

  settled(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    this.#subscription.hungry = true;
  }

  deliver(batch: readonly Delivery[]): void {
    const { faults, clock } = this.#control;
    let order = batch;
    if (batch.length > 1 && faults.at('pubsub.delivery.reorder')) {
      order = batch.toReversed();
    }
    const bytes = receivedMessages(
      order.map((delivery) => outgoing(this.#broker, this.#subscription, delivery)),
      propertiesOf(this.#subscription),
    );
    const send = (): void => {
      if (!this.#closed && !this.#call.write(bytes)) {
        this.#full = true;
      }
    };
    const delay = faults.at('pubsub.delivery.delay');
    if (delay) {
      void clock.sleep(delay.delayMs).then(send);
    } else {
      send();
    }
    if (faults.at('pubsub.delivery.duplicate')) {
      send();
    }
    if (faults.at('pubsub.lease.expire')) {
      setImmediate(() => {
        for (const delivery of batch) {
          this.#subscription.backlog.expire(delivery, this.#broker.now());
        }
        this.#broker.serve(this.#subscription);
      });
    }
    if (faults.at('pubsub.stream.reset')) {
      this.#fail(new GrpcRefusal('UNAVAILABLE', 'The service was unable to fulfill your request. Please try again. [code=8a75]'));
    }
  }

  end(reason: 'deleted' | 'detached'): void {
    const { name } = this.#subscription.config;
    this.#fail(
      reason === 'deleted' ? notFound(name) : new GrpcRefusal('FAILED_PRECONDITION', `Subscription is detached (resource=${name}).`),
    );
  }

  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#subscription.receivers.delete(this);
    }
  }
}

function detached(name: string): GrpcRefusal {
  return new GrpcRefusal('FAILED_PRECONDITION', `Subscription is detached (resource=${name}).`);
}

export function refuseDetached(subscription: Subscription): void {
  if (subscription.config.detached) {
    throw detached(subscription.config.name);
  }
}

/** A delivery as it goes out. */
export function outgoing(broker: Broker, subscription: Subscription, delivery: Delivery): Outgoing {
  const { segment } = delivery.pending;
  return {
    ackId: `${delivery.lease}-${delivery.seq}`,
    bytes: broker.archive.bytesOf(segment),
    start: segment.starts[delivery.index]!,
    end: segment.starts[delivery.index + 1]!,
    attempt: subscription.settings.maxAttempts === null ? 0 : delivery.failures + 1,
  };
}

/** StreamingPullResponse.subscription_properties (4): exactly_once_delivery_enabled (1), message_ordering_enabled (2). */
function propertiesOf({ settings }: Subscription): Buffer {
  return Buffer.from([0x22, 4, 0x08, settings.exactlyOnce ? 1 : 0, 0x10, settings.ordered ? 1 : 0]);
}

export function translate(error: unknown): unknown {
  if (error instanceof InvalidAckId) {
    return new GrpcRefusal('INVALID_ARGUMENT', `You have passed an invalid ack ID to the service (ack_id=${error.ackId}).`);
  }
  return error instanceof Malformed ? new GrpcRefusal('INVALID_ARGUMENT', 'Request contains an invalid argument.') : error;
}

function checkDeadline(seconds: number): number {
  if (seconds < 10 || seconds > 600) {
    throw new GrpcRefusal(
      'INVALID_ARGUMENT',
      `Invalid stream_ack_deadline_seconds given (value=${seconds}). It must be between 10 and 600 seconds.`,
    );
  }
  return seconds;
}

function readRequest(bytes: Buffer): StreamRequest {
  const request: StreamRequest = {
    subscription: '',
    ackIds: [],
    modifySeconds: [],
    modifyIds: [],
    ackDeadlineSeconds: null,
    maxMessages: 0,
    maxBytes: 0,
  };
  const c = cursor(bytes);
  while (c.at < c.end) {
    const tag = varint(c);
    if (tag === 10) {
      request.subscription = text(c);
    } else if (tag === 18) {
      request.ackIds.push(text(c));
    } else if (tag === 24) {
      request.modifySeconds.push(varint(c));
    } else if (tag === 26) {
      for (const end = length(c) + c.at; c.at < end; ) {
        request.modifySeconds.push(varint(c));
      }
    } else if (tag === 34) {
      request.modifyIds.push(text(c));
    } else if (tag === 40) {
      request.ackDeadlineSeconds = varint(c);
    } else if (tag === 56) {
      request.maxMessages = varint(c);
    } else if (tag === 64) {
      request.maxBytes = varint(c);
    } else {
      skip(c, tag & 7);
    }
  }
  return request;
}
