import Type from 'typebox';
import { defineOperation } from '../operation.ts';

/** What Stripe sends. The signature is over the exact bytes, so nobody between may read and write the body anew. */
export const webhooksStripe = defineOperation({
  id: 'webhooks.stripe',
  method: 'POST',
  path: '/api/v1/webhooks/stripe',
  summary: "Stripe's events: stored first, then processed; the same event twice changes nothing",
  owner: 'tenant-service',
  auth: 'signature',
  body: Type.Record(Type.String(), Type.Unknown()),
  response: Type.Object({ received: Type.Literal(true), event_id: Type.String(), duplicate: Type.Boolean() }),
  errors: ['auth.signature', 'owner.changing', 'service.unavailable'],
});
