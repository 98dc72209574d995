import { webhooksStripe } from '@convergence/contracts';
import { verify } from '../billing/stripe-events.ts';
import type { Tenants } from '../tenants.ts';
import { execute } from '../tenants-slice.ts';
import { operationRoute } from './operation-route.ts';

/** Answers once the event is journalled; what it does follows on its own, and again after a crash. */
export const webhooksStripeRoute = ({ slice, billing, config }: Pick<Tenants, 'slice' | 'billing' | 'config'>) =>
  operationRoute(webhooksStripe, async ({ raw, request }) => {
    const signature = request.headers['stripe-signature'];
    const { event_id, facts, ...event } = verify(raw, String(signature ?? '') || undefined, config.stripeWebhookSecret);
    const { duplicate } = await execute(
      slice,
      { kind: 'receive-billing-event', event_id, ...event, payload: JSON.stringify(facts) },
      { actor: { kind: 'stripe', event_id } },
    );
    if (!duplicate) void billing.poke().catch(() => {});
    return { body: { received: true as const, event_id, duplicate } };
  });
