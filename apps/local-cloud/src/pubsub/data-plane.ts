/** Publish, Acknowledge, ModifyAckDeadline and Pull: the unary RPCs that carry messages. */
import type { Control } from '../control/index.ts';
import { errorInfo, GrpcRefusal } from '../grpc/refusal.ts';
import type { RawUnary } from '../grpc/server.ts';
import type { Broker } from './broker.ts';
import type { Delivery, Line, Outcome } from './delivery.ts';
import { readAckIds, receivedMessages } from './delivery-bytes.ts';
import { type Published, readPublish } from './message-bytes.ts';
import { checkName } from './names.ts';
import { cursor, skip, text, varint } from './protobuf-bytes.ts';
import type { Receiver, Subscription } from './resources.ts';
import { outgoing, refuseDetached, translate } from './streaming-pull.ts';

const EMPTY = Buffer.alloc(0);
const MAX_REQUEST_BYTES = 10 * 1024 * 1024;
const MAX_PUBLISH_BYTES = 10_000_000;
const MAX_MESSAGES = 1000;
const ACK_IDS = 18;
const MODIFY_ACK_IDS = 34;
/** How long a Pull without `return_immediately` waits for a first message. */
const PULL_WAIT_MS = 20_000;
const UNAVAILABLE = 'The service was unable to fulfill your request. Please try again. [code=8a75]';

export function dataPlane(broker: Broker, control: Control): Record<'Publish' | 'Acknowledge' | 'ModifyAckDeadline' | 'Pull', RawUnary> {
  const { faults, limits, clock, stats } = control;

  const late = async (point: string): Promise<void> => {
    const plan = faults.at(point);
    if (plan) {
      await clock.sleep(plan.delayMs);
    }
  };

  const publish = async (request: Buffer): Promise<Uint8Array> => {
    const { topic: name, messages } = readPublish(request);
    const topic = broker.topic(checkName('topics', name));
    checkMessages(request, messages);
    if (faults.at('pubsub.publish.unavailable')) {
      throw new GrpcRefusal('UNAVAILABLE', UNAVAILABLE);
    }
    await late('pubsub.publish.slow');
    if (limits.on) {
      await limits.latency(10, 40);
    }
    stats.count(
      { product: 'pubsub', resource: name },
      { publishRequests: 1, messagesPublished: messages.length, bytesPublished: request.length },
    );
    const response = await broker.publish(topic, messages);
    release(request);
    if (faults.at('pubsub.publish.answer_lost')) {
      throw new GrpcRefusal('UNAVAILABLE', UNAVAILABLE);
    }
    return response;
  };

  const acknowledge = async (request: Buffer): Promise<Uint8Array> => {
    const { subscription: name, pairs } = readAckIds(request, ACK_IDS);
    const subscription = broker.subscription(checkName('subscriptions', name));
    requireAckIds(pairs);
    if (faults.at('pubsub.ack.unavailable')) {
      throw new GrpcRefusal('UNAVAILABLE', UNAVAILABLE);
    }
    broker.expireLeases(subscription);
    const failed = each(pairs, (lease, seq) => subscription.backlog.ack(lease, seq));
    stats.count({ product: 'pubsub', resource: name }, { ackRequests: 1, messagesAcked: pairs.length / 2 });
    broker.serve(subscription);
    await broker.durable();
    await late('pubsub.ack.late');
    if (faults.at('pubsub.ack.answer_lost')) {
      throw new GrpcRefusal('UNAVAILABLE', UNAVAILABLE);
    }
    refuseFailed(failed);
    return EMPTY;
  };

  const modifyAckDeadline = async (request: Buffer): Promise<Uint8Array> => {
    const { subscription: name, pairs, deadlineSeconds } = readAckIds(request, MODIFY_ACK_IDS);
    const subscription = broker.subscription(checkName('subscriptions', name));
    requireAckIds(pairs);
    if (deadlineSeconds < 0 || deadlineSeconds > 600) {
      throw new GrpcRefusal(
        'INVALID_ARGUMENT',
        `Invalid ack deadline given (ack_deadline=${deadlineSeconds}). The ack deadline must be between 0 and 600 seconds.`,
      );
    }
    broker.expireLeases(subscription);
    const now = broker.now();
    const deadline = now + deadlineSeconds * 1000;
    const { backlog } = subscription;
    const failed = each(pairs, (lease, seq) =>
      deadlineSeconds === 0 ? backlog.nack(lease, seq, now) : backlog.extend(lease, seq, deadline),
    );
    if (deadlineSeconds === 0) {
      stats.count({ product: 'pubsub', resource: name }, { messagesNacked: pairs.length / 2 });
      broker.serve(subscription);
    }
    if (subscription.settings.exactlyOnce) {
      await broker.durable();
    }
    await late('pubsub.extend.late');
    refuseFailed(failed);
    return EMPTY;
  };

  const pull = async (request: Buffer): Promise<Uint8Array> => {
    const { subscription: name, returnImmediately, maxMessages } = readPull(request);
    const subscription = broker.subscription(checkName('subscriptions', name));
    refuseDetached(subscription);
    if (maxMessages < 1) {
      throw new GrpcRefusal('INVALID_ARGUMENT', 'You have passed an invalid argument to the service (argument=max_messages).');
    }
    const batch = await new Promise<readonly Delivery[]>((resolve) => {
      const receiver = new PullReceiver(subscription, Math.min(maxMessages, MAX_MESSAGES), resolve);
      subscription.receivers.add(receiver);
      broker.serve(subscription);
      const timer = setTimeout(() => receiver.deliver([]), returnImmediately ? 20 : PULL_WAIT_MS);
      timer.unref();
    });
    return receivedMessages(
      batch.map((delivery) => outgoing(broker, subscription, delivery)),
      EMPTY,
    );
  };

  const translated = (run: (request: Buffer) => Promise<Uint8Array>): RawUnary => ({
    raw: (request) =>
      run(request).catch((error: unknown) => {
        throw translate(error);
      }),
  });
  return {
    Publish: translated(publish),
    Acknowledge: translated(acknowledge),
    ModifyAckDeadline: translated(modifyAckDeadline),
    Pull: translated(pull),
  };
}

/** Takes one batch, then is gone; its leases live on by the subscription's own deadline. */
class PullReceiver implements Receiver {
  readonly batchBytes = MAX_REQUEST_BYTES;
  readonly lines = new Set<Line>();
  readonly leaseMs: number;
  readonly batch: number;
  readonly #subscription: Subscription;
  readonly #resolve: (batch: readonly Delivery[]) => void;
  #done = false;

  constructor(subscription: Subscription, batch: number, resolve: (batch: readonly Delivery[]) => void) {
    this.#subscription = subscription;
    this.batch = batch;
    this.leaseMs = subscription.config.ackDeadlineSeconds * 1000;
    this.#resolve = resolve;
  }

  wants(): boolean {
    return !this.#done;
  }
  leased(): void {}
  settled(): void {}

  deliver(batch: readonly Delivery[]): void {
    this.#done = true;
    this.#subscription.receivers.delete(this);
    this.#resolve(batch);
  }

  end(): void {
    this.deliver([]);
  }
}

function each(pairs: readonly number[], act: (lease: number, seq: number) => Outcome): Record<string, Exclude<Outcome, 'ok'>> {
  const failed: Record<string, Exclude<Outcome, 'ok'>> = {};
  for (let i = 0; i < pairs.length; i += 2) {
    const lease = pairs[i]!;
    const seq = pairs[i + 1]!;
    const outcome = act(lease, seq);
    if (outcome !== 'ok') {
      failed[`${lease}-${seq}`] = outcome;
    }
  }
  return failed;
}

/**
 * Exactly-once delivery: tells which ack ids were too late, or of a key whose earlier messages are not acked yet, in the form that the
 * client libraries read. The other ack ids of the request counted.
 */
function refuseFailed(failed: Readonly<Record<string, Exclude<Outcome, 'ok'>>>): void {
  const outcomes = Object.values(failed);
  if (outcomes.length === 0) {
    return;
  }
  const codes = Object.fromEntries(
    Object.entries(failed).map(([id, outcome]) => [
      id,
      outcome === 'invalid' ? 'PERMANENT_FAILURE_INVALID_ACK_ID' : 'TRANSIENT_FAILURE_UNORDERED_ACK_ID',
    ]),
  );
  const [code, text] = outcomes.includes('invalid')
    ? ([
        'INVALID_ARGUMENT',
        'Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.',
      ] as const)
    : (['FAILED_PRECONDITION', 'Some acknowledgement ids in the request were sent out of order.'] as const);
  throw new GrpcRefusal(code, text, errorInfo(code, text, 'EXACTLY_ONCE_ACKID_FAILURE', 'pubsub.googleapis.com', codes));
}

function requireAckIds(pairs: readonly number[]): void {
  if (pairs.length === 0) {
    throw new GrpcRefusal('INVALID_ARGUMENT', 'You have not specified an ack ID in the request.');
  }
}

function checkMessages(request: Buffer, messages: readonly Published[]): void {
  const refuse = (text: string): never => {
    throw new GrpcRefusal('INVALID_ARGUMENT', text);
  };
  if (request.length > MAX_REQUEST_BYTES) {
    refuse(`Request payload size exceeds the limit: ${MAX_REQUEST_BYTES} bytes.`);
  }
  if (request.length > MAX_PUBLISH_BYTES) {
    refuse(
      `The value for request_size is too large. You passed ${request.length} in the request, but the maximum value is ${MAX_PUBLISH_BYTES}.`,
    );
  }
  if (messages.length === 0) {
    refuse('The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.');
  }
  if (messages.length > MAX_MESSAGES) {
    refuse(
      `The value for message_count is too large. You passed ${messages.length} in the request, but the maximum value is ${MAX_MESSAGES}.`,
    );
  }
  for (const m of messages) {
    if (m.dataBytes === 0 && m.attributes === 0) {
      refuse(
        'One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.',
      );
    }
    if (m.attributes > 100) {
      refuse(`The value for attribute_count is too large. You passed ${m.attributes} in the request, but the maximum value is 100.`);
    }
    if (m.badKey) {
      refuse('One or more attributes of a message in the publish request has an invalid key: it must not be empty or start with "goog".');
    }
    if (m.longestKey > 256) {
      refuse(`The value for attribute_key_size is too large. You passed ${m.longestKey} in the request, but the maximum value is 256.`);
    }
    if (m.longestValue > 1024) {
      refuse(
        `The value for attribute_value_size is too large. You passed ${m.longestValue} in the request, but the maximum value is 1024.`,
      );
    }
    if (m.orderingKeyBytes > 1024) {
      refuse(
        `The value for ordering_key_size is too large. You passed ${m.orderingKeyBytes} in the request, but the maximum value is 1024.`,
      );
    }
  }
}

function readPull(bytes: Buffer): { subscription: string; returnImmediately: boolean; maxMessages: number } {
  const result = { subscription: '', returnImmediately: false, maxMessages: 0 };
  const c = cursor(bytes);
  while (c.at < c.end) {
    const tag = varint(c);
    if (tag === 10) {
      result.subscription = text(c);
    } else if (tag === 16) {
      result.returnImmediately = varint(c) !== 0;
    } else if (tag === 24) {
      const value = varint(c);
      result.maxMessages = value > 0x7fffffff ? -1 : value;
    } else {
      skip(c, tag & 7);
    }
  }
  return result;
}

/** gRPC puts a request behind five bytes of its own; what is longer shares a pool with others. */
const FRAME_BYTES = 5;
/**
 * Gives the bytes of a request back that nobody reads any more. The collector counts small objects: left to it, the bytes of a burst
 * would wait for tens of megabytes of them.
 */
function release({ buffer, byteLength }: Buffer): void {
  if (buffer.byteLength <= byteLength + FRAME_BYTES && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
