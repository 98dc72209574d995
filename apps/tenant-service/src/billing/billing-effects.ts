/**
 * What a billing event does. Throws while it can't be done yet: the queue tries again.
 *
 * 1. Each effect may be repeated. 2. Events come in any order: one that speaks of a tenant or a subscription that is not there yet waits;
 * one that is older than what was taken over changes nothing (the slice compares Stripe's own times, which are whole seconds: how a
 * subscription began counts for less than what else is said of the same second). 3. A tenant has one subscription: a checkout or a new
 * subscription takes its place, and what Stripe still says of the one before changes nothing. 4. An invoice brings no cancelled one back.
 * 5. A payer's word for which tenant it pays makes a new one, and changes none but the payer's own: else a stranger could pay for a smaller
 * plan of somebody else's, and end it. Such a checkout fails and stays, with its reason, for a person.
 */
import { randomUUID } from 'node:crypto';
import { isTenantId, Refusal, SCOPES, type SubscriptionStatus } from '@convergence/contracts';
import type { Clock, Keys } from '@convergence/ports';
import type { BillingEvent, Tenant } from '@convergence/tenants';
import { makeApiKey } from '../api-key-text.ts';
import type { Mailer } from '../mail/mailer.ts';
import { welcomeMail } from '../mail/welcome-mail.ts';
import type { Onboarding } from '../onboarding/onboarding.ts';
import { execute, type TenantsSlice } from '../tenants-slice.ts';
import type { BillingFacts } from './stripe-events.ts';

export interface BillingTools {
  readonly slice: TenantsSlice;
  readonly keys: Keys;
  readonly mailer: Mailer;
  readonly clock: Pick<Clock, 'now'>;
  readonly onboarding: Pick<Onboarding, 'continue' | 'nameIsFree'>;
}
export type Effect = 'PROCESSED' | 'IGNORED';

/** Stripe's words for how a subscription stands, as ours. */
const STATUS: Readonly<Record<string, SubscriptionStatus>> = {
  active: 'ACTIVE',
  trialing: 'ACTIVE',
  past_due: 'PAST_DUE',
  unpaid: 'SUSPENDED',
  paused: 'SUSPENDED',
  incomplete: 'PAST_DUE',
  incomplete_expired: 'CANCELLED',
  canceled: 'CANCELLED',
};

/** These may put another subscription in the place of the one that the tenant has. */
const BEGINNINGS: ReadonlySet<string> = new Set([
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'customer.subscription.created',
]);
/** By then the beginning of a subscription that is spoken of has come, or will not. */
const OUT_OF_ORDER_MS = 3_600_000;

export async function takeEffect(event: BillingEvent, tools: BillingTools): Promise<Effect> {
  const facts = JSON.parse(event.payload) as BillingFacts;
  switch (event.type) {
    case 'checkout.session.completed':
      // Paid by bank transfer, say: it is told again when the money came.
      return facts.payment_status === 'unpaid' ? 'IGNORED' : checkout(event, facts, tools);
    case 'checkout.session.async_payment_succeeded':
      return checkout(event, facts, tools);
    case 'customer.subscription.created':
    case 'customer.subscription.updated':
      return change(event, facts, tools, facts.status ? STATUS[facts.status] : undefined);
    case 'customer.subscription.deleted':
      return change(event, facts, tools, 'CANCELLED');
    case 'invoice.payment_failed':
      return change(event, facts, tools, 'PAST_DUE');
    case 'invoice.paid':
      return change(event, facts, tools, 'ACTIVE');
    default:
      return 'IGNORED';
  }
}

async function change(
  event: BillingEvent,
  facts: BillingFacts,
  tools: BillingTools,
  status: SubscriptionStatus | undefined,
): Promise<Effect> {
  const tenant = tenantOf(facts, tools.slice);
  if (!tenant) throw new Error('no tenant has this Stripe customer or subscription yet');
  const { stripe_subscription_id: held, stripe_updated_at: heardAt, status: standing } = tenant.subscription;
  if (held && facts.subscription && facts.subscription !== held && !BEGINNINGS.has(event.type)) {
    if (tools.clock.now() - Date.parse(event.received_at) > OUT_OF_ORDER_MS) return 'IGNORED';
    throw new Error('the tenant has another subscription, so far');
  }
  if (event.type === 'customer.subscription.created' && facts.subscription === held && heardAt && event.created <= heardAt)
    return 'IGNORED';
  if (event.type.startsWith('invoice.') && standing === 'CANCELLED') return 'IGNORED';
  await execute(
    tools.slice,
    {
      kind: 'change-subscription',
      tenant_id: tenant.tenant_id,
      stripe_updated_at: event.created,
      ...(status && { status }),
      ...(facts.plan && { plan_name: facts.plan }),
      ...(facts.customer && { stripe_customer_id: facts.customer }),
      ...(facts.subscription && { stripe_subscription_id: facts.subscription }),
    },
    { actor: { kind: 'stripe', event_id: event.event_id } },
  );
  return 'PROCESSED';
}

function tenantOf({ tenant_id, subscription, customer }: BillingFacts, { state }: TenantsSlice): Tenant | undefined {
  const named = tenant_id && isTenantId(tenant_id) ? state.tenants.get(tenant_id) : undefined;
  if (named) return named;
  for (const tenant of state.tenants.values()) {
    const { stripe_subscription_id, stripe_customer_id } = tenant.subscription;
    if ((subscription && stripe_subscription_id === subscription) || (customer && stripe_customer_id === customer)) return tenant;
  }
  return undefined;
}

function mustPayFor({ tenant_id, subscription }: Tenant, { customer }: BillingFacts): void {
  if (customer && customer === subscription.stripe_customer_id) return;
  throw new Refusal(
    'request.invalid',
    `Only the payer's client_reference_id says that this checkout of ${customer} is for ${tenant_id}, which it did not pay for before. If it is, set tenant_id in the metadata of its subscription; else refund it.`,
  );
}

/** A paid checkout: onboards, and writes the key to whom paid, since nobody waits for an answer. */
async function checkout(event: BillingEvent, facts: BillingFacts, tools: BillingTools): Promise<Effect> {
  const { slice, keys, mailer, onboarding } = tools;
  const { admin_email, plan } = facts;
  const tenant_id = facts.tenant_id ?? facts.payer_names;
  // Of one that was kept before payer_names was, nobody knows who of the two named the tenant.
  const onlyPayer = facts.payer_names === undefined || !facts.tenant_id;
  if (!tenant_id || !isTenantId(tenant_id))
    throw new Refusal('request.invalid', 'The checkout names no valid tenant_id in its metadata, nor as its client_reference_id.');
  if (!admin_email) throw new Refusal('request.invalid', 'The checkout names no e-mail address.');
  const begun = `stripe ${event.event_id}`;
  const known = slice.state.tenants.get(tenant_id);
  if (known && (known.onboarding.request_hash !== begun || known.onboarding.undelivered_api_key_id === null)) {
    if (onlyPayer && known.onboarding.request_hash !== begun) mustPayFor(known, facts);
    return change(event, { ...facts, tenant_id }, tools, 'ACTIVE');
  }
  if (!known && !(await onboarding.nameIsFree(tenant_id))) throw new Refusal('tenant.exists', `The name ${tenant_id} is taken.`);
  const made = await makeApiKey(keys, tenant_id, { api_key_id: randomUUID(), scopes: SCOPES, key_name: 'onboarding' });
  const actor = { kind: 'stripe', event_id: event.event_id };
  await execute(
    slice,
    {
      kind: 'onboard',
      tenant_id,
      company_name: facts.company_name ?? tenant_id,
      admin_email,
      plan_name: plan ?? 'STARTER',
      run_dryrun: true,
      request_hash: begun,
      subscription_id: randomUUID(),
      api_key: made.issued,
      by: 'anyone',
      stripe_customer_id: facts.customer,
      stripe_subscription_id: facts.subscription,
      stripe_updated_at: event.created,
    },
    { actor },
  );
  const tenant = slice.state.tenants.get(tenant_id);
  if (!tenant) throw new Error(`tenant ${tenant_id} is gone right after it was made`);
  onboarding.continue(tenant);
  await mailer.send(welcomeMail(tenant, { text: made.text, api_key_id: made.issued.api_key_id }));
  await execute(slice, { kind: 'note-welcome-sent', tenant_id }, { actor });
  await execute(slice, { kind: 'note-key-delivered', tenant_id, api_key_id: made.issued.api_key_id }, { actor });
  return 'PROCESSED';
}
