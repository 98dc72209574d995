/**
 * Stripe's events, checked and cut down to what we use. 1. The signature is over the raw bytes and checked by Stripe's own library, with its
 * tolerance against replays. 2. What is kept of an event is the few fields below: no card, no address.
 */
import { PLAN_NAMES, type Plan, Refusal } from '@convergence/contracts';
import Stripe from 'stripe';

const { webhooks } = new Stripe('sk_unused_no_call_is_made');

/** What processing needs of an event. */
export interface BillingFacts {
  /** From metadata: only who has our Stripe account writes those. */
  readonly tenant_id: string | null;
  /** From `client_reference_id`: of a payment link, whatever its payer put into the address. Absent in events that were kept before. */
  readonly payer_names?: string | null;
  readonly company_name: string | null;
  readonly admin_email: string | null;
  readonly plan: Plan | null;
  readonly customer: string | null;
  readonly subscription: string | null;
  /** Stripe's status of the subscription. */
  readonly status: string | null;
  /** Of a checkout; absent in events that were kept before it was looked at. */
  readonly payment_status?: string | null;
}
export interface VerifiedEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly created: string;
  readonly facts: BillingFacts;
}

export function verify(raw: Buffer, signature: string | undefined, secret: string | undefined): VerifiedEvent {
  if (!secret) throw new Refusal('auth.signature', 'Stripe webhooks are not set up here (STRIPE_WEBHOOK_SECRET).');
  if (!signature) throw new Refusal('auth.signature', 'The header Stripe-Signature is missing.');
  let event: { id: string; type: string; created: number; data: { object: unknown } };
  try {
    event = webhooks.constructEvent(raw, signature, secret);
  } catch (cause) {
    throw new Refusal('auth.signature', 'The Stripe signature does not fit the body, or it is too old.', { cause });
  }
  return {
    event_id: event.id,
    event_type: event.type,
    created: new Date(event.created * 1000).toISOString(),
    facts: factsOf(event.data.object as Loose),
  };
}

type Loose = { readonly [field: string]: unknown };
const at = (value: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>((inner, step) => (inner as Loose | null | undefined)?.[step], value);
const textAt = (value: unknown, ...path: (string | number)[]): string | null => {
  const found = at(value, ...path);
  return typeof found === 'string' && found !== '' ? found : null;
};
/** An id, or the object that was expanded in its place. */
const idAt = (value: unknown, ...path: (string | number)[]): string | null => textAt(value, ...path) ?? textAt(at(value, ...path), 'id');

function factsOf(object: Loose): BillingFacts {
  const isSubscription = object.object === 'subscription';
  const price = at(object, 'items', 'data', 0, 'price');
  const metadata = [
    object.metadata,
    at(object, 'subscription_details', 'metadata'),
    at(object, 'parent', 'subscription_details', 'metadata'),
  ];
  const named = (name: string): string | null => metadata.map((held) => textAt(held, name)).find((found) => found !== null) ?? null;
  const plans = [
    named('plan'),
    named('subscription_plan'),
    textAt(price, 'lookup_key'),
    textAt(price, 'metadata', 'plan'),
    textAt(price, 'nickname'),
  ];
  return {
    tenant_id: named('tenant_id') ?? named('customer_id'),
    payer_names: textAt(object, 'client_reference_id'),
    company_name:
      named('company_name') ?? textAt(object, 'customer_details', 'business_name') ?? textAt(object, 'customer_details', 'name'),
    admin_email: named('admin_email') ?? textAt(object, 'customer_details', 'email') ?? textAt(object, 'customer_email'),
    plan: plans.map((text) => PLAN_NAMES.find((plan) => plan === text?.toUpperCase())).find((plan) => plan !== undefined) ?? null,
    customer: idAt(object, 'customer'),
    subscription: isSubscription
      ? textAt(object, 'id')
      : (idAt(object, 'subscription') ?? idAt(object, 'parent', 'subscription_details', 'subscription')),
    status: isSubscription ? textAt(object, 'status') : null,
    payment_status: textAt(object, 'payment_status'),
  };
}
