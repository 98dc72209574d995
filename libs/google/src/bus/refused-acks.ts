/**
 * Of a request with many ack ids those that are not named in its refusal count (exactly-once delivery).
 *
 * Pub/Sub refuses such a request when one lease in it is over, or was given up a moment ago by an ack that overtook the request, and names
 * those ids. The client takes all ids of a refused request for refused: it drops the messages whose receipt was among them without a word,
 * until their leases are over a minute later, and takes the leases of others for lost while they are worked on. Where the refusal has no
 * code of its own, the client goes by the names alone.
 */
import type { v1 } from '@google-cloud/pubsub';

type Client = Pick<v1.SubscriberClient, 'acknowledge' | 'modifyAckDeadline'>;
interface Refused {
  readonly reason?: string;
  code?: number | undefined;
}

/** The same client, that tells so. */
export function namingRefusedAcks<C extends Client>(client: C): C {
  for (const method of ['acknowledge', 'modifyAckDeadline'] as const) {
    const call = client[method].bind(client) as (...how: unknown[]) => Promise<unknown>;
    const named = (...how: unknown[]) => call(...how).catch((error: Refused) => Promise.reject(byNames(error)));
    Object.assign(client, { [method]: named });
  }
  return client;
}

function byNames(error: Refused): Refused {
  if (error.reason === 'EXACTLY_ONCE_ACKID_FAILURE') error.code = undefined;
  return error;
}
