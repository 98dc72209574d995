import Type from 'typebox';
import { defineOperation } from '../operation.ts';

const more = { additionalProperties: true } as const;
const StripeEvent = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 255 }),
    type: Type.String({ minLength: 1, maxLength: 255 }),
    created: Type.Integer({ minimum: 0, maximum: 253_402_300_799, description: 'Seconds since 1970' }),
    data: Type.Object({ object: Type.Record(Type.String(), Type.Unknown()) }, more),
  },
  more,
);

/** What Stripe sends. The signature is over the exact bytes, so nobody between may read and write the body anew. */
export const webhooksStripe = defineOperation({
  id: 'webhooks.stripe',
  method: 'POST',
  path: '/api/v1/webhooks/stripe',
  summary: "Stripe's events: stored first, then processed; the same event twice changes nothing",
  owner: 'tenant-service',
  auth: 'signature',
  body: StripeEvent,
  response: Type.Object({ received: Type.Literal(true), event_id: Type.String(), duplicate: Type.Boolean() }),
  errors: ['auth.signature', 'owner.changing', 'service.unavailable'],
});
