/** webhooks.stripe: verified by Stripe's library, stored first, processed after, again when it fails, in any order. */

import { webhooksStripe } from '@convergence/contracts';
import { TokenSigner } from '@convergence/service';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Stripe from 'stripe';
import { execute } from '../tenants-slice.ts';
import { acmeBody, STRIPE_SECRET, startTenants, type TenantsUnderTest } from '../testing/tenants-under-test.ts';
import { verify } from './stripe-events.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
const { webhooks } = new Stripe('sk_unused');
let service: TenantsUnderTest;
beforeEach(async () => {
  service = await startTenants();
});
afterEach(() => service.close());

const seconds = Math.floor(Date.now() / 1000);
const event = (id: string, type: string, object: object, created = seconds) => ({ id, object: 'event', type, created, data: { object } });
const checkout = (id = 'evt_checkout', over: object = {}) =>
  event(id, 'checkout.session.completed', {
    object: 'checkout.session',
    customer: 'cus_1',
    subscription: 'sub_1',
    customer_details: { email: 'payer@acme.test', name: 'Acme Corp' },
    metadata: { tenant_id: 'acme_corp', plan: 'professional' },
    ...over,
  });
const subscription = (id: string, over: object = {}, created = seconds, type = 'customer.subscription.updated') =>
  event(id, type, { object: 'subscription', id: 'sub_1', customer: 'cus_1', status: 'active', metadata: {}, ...over }, created);

const signed = (event: object): [Buffer, string] => {
  const payload = JSON.stringify(event);
  return [Buffer.from(payload), webhooks.generateTestHeaderString({ payload, secret: STRIPE_SECRET })];
};
async function post(body: object | string, header?: string) {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const signature = header ?? webhooks.generateTestHeaderString({ payload, secret: STRIPE_SECRET });
  const signer = new TokenSigner('gateway', { keys: ['a-signing-key-for-tests-that-is-long-enough'] });
  const identity = await signer.headers('tenant-service', service.url(), { kind: 'anonymous' });
  const response = await fetch(`${service.url()}${webhooksStripe.path}`, {
    method: 'POST',
    headers: { ...identity, 'content-type': 'application/json', 'stripe-signature': signature },
    body: payload,
  });
  return { status: response.status, body: (await response.json()) as Any };
}
const settled = async (id: string) => {
  while ((service.slice().state.billing.get(id)?.status ?? 'RECEIVED') === 'RECEIVED')
    await new Promise((resolve) => setTimeout(resolve, 2));
  return service.slice().state.billing.get(id)?.status;
};
const tried = async (id: string, times: number) => {
  while ((service.slice().state.billing.get(id)?.attempts ?? 0) < times) await new Promise((resolve) => setTimeout(resolve, 2));
};
const acme = () => service.slice().state.tenants.get('acme_corp' as never);

describe('a checkout', () => {
  test('onboards, prepares, and writes the key to whom paid', async () => {
    expect(await post(checkout())).toMatchObject({ status: 200, body: { received: true, event_id: 'evt_checkout', duplicate: false } });
    expect(await settled('evt_checkout')).toBe('PROCESSED');
    expect(acme()).toMatchObject({ company_name: 'Acme Corp', admin_email: 'payer@acme.test', status: 'ACTIVE' });
    expect(acme()?.subscription).toMatchObject({ plan_name: 'PROFESSIONAL', stripe_customer_id: 'cus_1', stripe_subscription_id: 'sub_1' });
    const [mail] = await service.mails();
    expect(mail).toMatch(/acme_corp_api_\w{32}/);
  });

  test('one that is not paid yet onboards when the money came', async () => {
    await post(checkout('evt_unpaid', { payment_status: 'unpaid' }));
    expect(await settled('evt_unpaid')).toBe('IGNORED');
    expect(acme()).toBeUndefined();
    const paid = checkout('evt_paid', { payment_status: 'paid' });
    await post({ ...paid, type: 'checkout.session.async_payment_succeeded' });
    expect(await settled('evt_paid')).toBe('PROCESSED');
    expect(acme()?.subscription).toMatchObject({ status: 'ACTIVE', plan_name: 'PROFESSIONAL' });
  });

  test('the same event again changes nothing', async () => {
    await post(checkout());
    await settled('evt_checkout');
    expect((await post(checkout())).body).toMatchObject({ duplicate: true });
    expect(acme()?.api_keys).toHaveLength(1);
    expect(await service.mails()).toHaveLength(1);
  });

  test('a crash between the event and its effect loses nothing', async () => {
    Object.assign(service.warehouse, { datasetExists: () => Promise.reject(new Error('away')) });
    await post(checkout());
    await tried('evt_checkout', 1);
    expect(acme()).toBeUndefined();
    Object.assign(service.warehouse, { datasetExists: async () => false });
    await service.restart();
    await service.clock.advance(10_000);
    expect(await settled('evt_checkout')).toBe('PROCESSED');
    expect(acme()?.api_keys.filter((key) => key.is_active)).toHaveLength(1);
  });

  test('one without a tenant fails for good and is kept with its reason', async () => {
    await post(checkout('evt_bad', { metadata: {} }));
    expect(await settled('evt_bad')).toBe('FAILED');
    expect(service.slice().state.billing.get('evt_bad')?.last_error).toContain('tenant_id');
  });
});

describe('a checkout whose tenant only its payer names', () => {
  const byPayer = (id: string, over: object = {}) =>
    checkout(id, { metadata: {}, client_reference_id: 'acme_corp', customer: 'cus_stranger', subscription: 'sub_stranger', ...over });
  const small = { metadata: { plan: 'starter' } };

  test('onboards one that is new, also when it is told again after a crash', async () => {
    Object.assign(service.warehouse, { datasetExists: () => Promise.reject(new Error('away')) });
    await post(byPayer('evt_new'));
    await tried('evt_new', 1);
    Object.assign(service.warehouse, { datasetExists: async () => false });
    await service.restart();
    await service.clock.advance(10_000);
    expect(await settled('evt_new')).toBe('PROCESSED');
    expect(acme()?.subscription).toMatchObject({ stripe_customer_id: 'cus_stranger', stripe_subscription_id: 'sub_stranger' });
  });

  test('changes nothing of a tenant that somebody else pays for, and stays for a person', async () => {
    await post(checkout());
    await settled('evt_checkout');
    const before = acme()?.subscription;
    await post(byPayer('evt_stranger', small));
    expect(await settled('evt_stranger')).toBe('FAILED');
    expect(service.slice().state.billing.get('evt_stranger')?.last_error).toMatch(/client_reference_id.*cus_stranger.*acme_corp/);
    await post(
      subscription(
        'evt_ends',
        { id: 'sub_stranger', customer: 'cus_stranger', status: 'canceled' },
        seconds + 60,
        'customer.subscription.deleted',
      ),
    );
    await tried('evt_ends', 1);
    expect(acme()?.subscription).toEqual(before);
  });

  test('changes nothing of a tenant that nobody pays for, until a person says so at Stripe', async () => {
    await service.ask('POST', '/tenants/onboard', { body: acmeBody({ run_dryrun: false, subscription_plan: 'SCALE' }) });
    await post(byPayer('evt_stranger', small));
    expect(await settled('evt_stranger')).toBe('FAILED');
    expect(acme()?.subscription).toMatchObject({ plan_name: 'SCALE', stripe_customer_id: null });
    await post(
      subscription('evt_said', { id: 'sub_stranger', customer: 'cus_stranger', metadata: { tenant_id: 'acme_corp', plan: 'starter' } }),
    );
    expect(await settled('evt_said')).toBe('PROCESSED');
    expect(acme()?.subscription).toMatchObject({ plan_name: 'STARTER', stripe_customer_id: 'cus_stranger' });
  });

  test('is believed no more when it was kept before it was told apart from what we name', async () => {
    await service.ask('POST', '/tenants/onboard', { body: acmeBody({ run_dryrun: false, subscription_plan: 'SCALE' }) });
    const { facts, ...event } = verify(...signed(checkout('evt_old')), STRIPE_SECRET);
    const { payer_names: _, ...kept } = facts;
    await execute(service.slice(), { kind: 'receive-billing-event', ...event, payload: JSON.stringify(kept) }, {});
    await service.restart();
    expect(await settled('evt_old')).toBe('FAILED');
    expect(acme()?.subscription).toMatchObject({ plan_name: 'SCALE', stripe_customer_id: null });
  });

  test('changes the plan of one that its payer pays for', async () => {
    await post(checkout());
    await settled('evt_checkout');
    await post(byPayer('evt_again', { metadata: { plan: 'scale' }, customer: 'cus_1', subscription: 'sub_2' }));
    expect(await settled('evt_again')).toBe('PROCESSED');
    expect(acme()?.subscription).toMatchObject({ plan_name: 'SCALE', stripe_subscription_id: 'sub_2' });
  });
});

describe('subscriptions', () => {
  test('a change that comes before its tenant waits for it', async () => {
    await post(subscription('evt_early', { items: { data: [{ price: { lookup_key: 'scale' } }] } }, seconds + 10));
    await tried('evt_early', 1);
    await post(checkout());
    await settled('evt_checkout');
    await service.clock.advance(60_000);
    expect(await settled('evt_early')).toBe('PROCESSED');
    expect(acme()?.subscription.plan_name).toBe('SCALE');
  });

  test('what comes late does not undo what is newer', async () => {
    await post(checkout());
    await settled('evt_checkout');
    await post(subscription('evt_deleted', { status: 'canceled' }, seconds + 60, 'customer.subscription.deleted'));
    await settled('evt_deleted');
    await post(subscription('evt_old', { status: 'active' }, seconds + 30));
    expect(await settled('evt_old')).toBe('PROCESSED');
    expect(acme()?.subscription.status).toBe('CANCELLED');
  });

  test('a failed payment stops runs, a paid one lets them go on', async () => {
    await post(checkout());
    await settled('evt_checkout');
    await post(event('evt_failed', 'invoice.payment_failed', { object: 'invoice', customer: 'cus_1' }, seconds + 1));
    await settled('evt_failed');
    expect(acme()?.subscription.status).toBe('PAST_DUE');
    await post(event('evt_paid', 'invoice.paid', { object: 'invoice', customer: 'cus_1' }, seconds + 2));
    await settled('evt_paid');
    expect(acme()?.subscription.status).toBe('ACTIVE');
  });

  const second = { id: 'sub_2', status: 'active', items: { data: [{ price: { lookup_key: 'scale' } }] } };
  const pass = async (milliseconds: number) => {
    await service.clock.advance(milliseconds);
    await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test('the end of one subscription does not end the one that took its place', async () => {
    await post(checkout());
    await settled('evt_checkout');
    await post(subscription('evt_second', second, seconds + 10, 'customer.subscription.created'));
    await settled('evt_second');
    await post(subscription('evt_first_ends', { status: 'canceled' }, seconds + 60, 'customer.subscription.deleted'));
    await tried('evt_first_ends', 1);
    for (let hours = 0; hours < 2; hours++) await pass(3_600_000);
    expect(await settled('evt_first_ends')).toBe('IGNORED');
    expect(acme()?.subscription).toMatchObject({ status: 'ACTIVE', plan_name: 'SCALE', stripe_subscription_id: 'sub_2' });
  });

  test('a change of a subscription that comes before its beginning waits for it', async () => {
    await post(checkout());
    await settled('evt_checkout');
    await post(subscription('evt_change', { ...second, status: 'past_due' }, seconds + 20));
    await tried('evt_change', 1);
    expect(acme()?.subscription).toMatchObject({ status: 'ACTIVE', stripe_subscription_id: 'sub_1' });
    await post(subscription('evt_begin', second, seconds + 10, 'customer.subscription.created'));
    await settled('evt_begin');
    await pass(60_000);
    expect(await settled('evt_change')).toBe('PROCESSED');
    expect(acme()?.subscription).toMatchObject({ status: 'PAST_DUE', plan_name: 'SCALE', stripe_subscription_id: 'sub_2' });
  });

  test('the beginning of a subscription that comes last of its second takes nothing back', async () => {
    await post(checkout());
    await settled('evt_checkout');
    await post(subscription('evt_created', { status: 'incomplete' }, seconds, 'customer.subscription.created'));
    expect(await settled('evt_created')).toBe('IGNORED');
    expect(acme()?.subscription.status).toBe('ACTIVE');
  });

  test.each(['invoice.paid', 'invoice.payment_failed'])('%s does not bring a cancelled subscription back', async (type) => {
    await post(checkout());
    await settled('evt_checkout');
    await post(subscription('evt_deleted', { status: 'canceled' }, seconds + 60, 'customer.subscription.deleted'));
    await settled('evt_deleted');
    await post(event('evt_last', type, { object: 'invoice', customer: 'cus_1', subscription: 'sub_1' }, seconds + 90));
    expect(await settled('evt_last')).toBe('IGNORED');
    expect(acme()?.subscription.status).toBe('CANCELLED');
  });

  test('what does not concern us is kept and ignored', async () => {
    await post(event('evt_other', 'charge.refunded', { object: 'charge' }));
    expect(await settled('evt_other')).toBe('IGNORED');
  });
});

test.each([
  ['data', undefined],
  ['created', '2026-01-15T10:00:00Z'],
  ['id', null],
])('an event whose %s is %s is refused, not taken for a mistake of ours', async (name, value) => {
  expect(await post({ ...checkout(), [name]: value })).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
});

describe('forgery', () => {
  const payload = JSON.stringify(checkout());
  test.each([
    ['no signature', ''],
    ['nonsense', 'v1=abc'],
    ['another secret', webhooks.generateTestHeaderString({ payload, secret: 'whsec_of_somebody_else' })],
    ['a replay from an hour ago', webhooks.generateTestHeaderString({ payload, secret: STRIPE_SECRET, timestamp: seconds - 3600 })],
  ])('%s is refused and leaves nothing', async (_, header) => {
    expect(await post(payload, header)).toMatchObject({ status: 400, body: { code: 'auth.signature' } });
    expect(service.slice().state.billing.size).toBe(0);
  });

  test('a body changed by one byte is refused', async () => {
    const header = webhooks.generateTestHeaderString({ payload, secret: STRIPE_SECRET });
    expect(await post(payload.replace('acme_corp', 'evil_corp'), header)).toMatchObject({ status: 400 });
  });
});
