/**
 * Onboarding: a tenant begins as ONE event that brings profile, plan, key and usage day; what follows (dataset, dry run, e-mail) is
 * done outside, step by step, and each step notes that it is done, so a crash resumes where it stopped.
 *
 * 1. There is never a profile without key, plan and usage day. 2. A repeat of the same request resumes. It gets a new key only while
 * the first can't have reached anybody: until an answer that carried it was handed over whole, or the key was used, and at most for
 * a day; the first key is revoked in the same decision, so at most one of them works. 3. After that an existing tenant needs admin
 * (who gets a further key) or its own key (which goes on working; no other is made). 4. A tenant can't change its plan this way. 5. The very
 * command that was done, known by the key that it made or by what was noted, changes nothing when it comes again: an admin gets that key,
 * anybody else only while it can't have reached anybody.
 */
import type { DryrunStatus, Plan } from '@convergence/contracts';
import { addKey, isThere, newKey } from './api-keys.ts';
import { touch } from './change-feed.ts';
import { utcDate } from './days.ts';
import { accept, type Context, type Decision, refuse, withTenant } from './decision.ts';
import type { IssuedKey, Standing, TenantEvent } from './events.ts';
import { cameTo, isDone } from './named-commands.ts';
import { limitsOf, newTenant, type Tenant, type TenantsState, tenantNamed } from './state.ts';
import { standingOf } from './subscription.ts';
import { openDay } from './usage.ts';

type Event<T extends TenantEvent['type']> = Extract<TenantEvent, { type: T }>;
const RESUMABLE_MS = 24 * 3_600_000;

export interface Onboard {
  readonly kind: 'onboard';
  readonly tenant_id: string;
  readonly company_name: string;
  readonly admin_email: string;
  readonly plan_name: Plan;
  readonly run_dryrun: boolean;
  /** Over what the caller asked for. */
  readonly request_hash: string;
  readonly subscription_id: string;
  readonly api_key: IssuedKey;
  readonly by: 'admin' | 'owner' | 'anyone';
  /** What asks for it, where its client named it. */
  readonly command?: string | undefined;
  readonly stripe_customer_id?: string | null;
  readonly stripe_subscription_id?: string | null;
  readonly stripe_updated_at?: string | null;
}
/** `key`: whether the caller gets the key whose id came with the command. */
export interface OnboardReply {
  readonly outcome: 'created' | 'resumed' | 'repeated' | 'known';
  readonly key: boolean;
}

export function decideOnboarding(state: TenantsState, command: Onboard, context: Context): Decision<OnboardReply> {
  const tenant = state.tenants.get(command.tenant_id as Tenant['tenant_id']);
  if (!tenant) return accept({ outcome: 'created', key: true }, begun(command, context));
  const { request_hash, run_dryrun, tenant_id, api_key } = command;
  const undelivered = undeliveredKey(tenant, context.now);
  const known = isThere(tenant, api_key) || isDone(state, command.command);
  if (known) return accept({ outcome: 'known', key: command.by === 'admin' || undelivered === api_key.api_key_id });
  const standing = standingOf(tenant);
  const renewed: TenantEvent[] = [
    ...(undelivered ? [{ type: 'api_key_revoked', tenant_id, api_key_id: undelivered, standing } as const] : []),
    { type: 'api_key_issued', tenant_id, api_key, undelivered: true, standing },
  ];
  if (command.by === 'anyone') {
    if (undelivered && tenant.onboarding.request_hash === request_hash) return accept({ outcome: 'resumed', key: true }, ...renewed);
    return refuse('tenant.exists', `Tenant ${tenant_id} exists already. Use its API key, or ask an administrator.`);
  }
  const { company_name, admin_email, plan_name } = command;
  const admin = command.by === 'admin';
  const status = admin && tenant.status === 'CANCELLED' ? 'ACTIVE' : tenant.status;
  const replanned = admin && plan_name !== tenant.subscription.plan_name;
  const after: Standing = { status, plan: replanned ? plan_name : standing.plan };
  const events: TenantEvent[] = [{ type: 'onboarding_repeated', tenant_id, request_hash, run_dryrun }];
  if (company_name !== tenant.company_name || admin_email !== tenant.admin_email) {
    events.push({ type: 'profile_changed', tenant_id, company_name, admin_email, standing: after });
  }
  if (status !== tenant.status) events.push({ type: 'status_changed', tenant_id, status, standing: after });
  if (replanned) {
    const subscription = { plan_name, ...limitsOf(plan_name), status: 'ACTIVE' as const, subscription_end_date: null };
    events.push({ type: 'subscription_changed', tenant_id, subscription, standing: after });
  }
  if (admin) events.push(...renewed);
  return accept({ outcome: 'repeated', key: admin }, ...events, ...cameTo(state, command.command, tenant_id));
}

function begun(command: Onboard, context: Context): TenantEvent {
  const { kind: _, by: __, command: ___, ...asked } = command;
  return {
    type: 'tenant_onboarded',
    ...asked,
    stripe_customer_id: asked.stripe_customer_id ?? null,
    stripe_subscription_id: asked.stripe_subscription_id ?? null,
    stripe_updated_at: asked.stripe_updated_at ?? null,
    usage_date: utcDate(context.now),
  };
}

/** The first key, while it can't have reached anybody. */
function undeliveredKey(tenant: Tenant, now: number): string | undefined {
  const id = tenant.onboarding.undelivered_api_key_id;
  const key = tenant.api_keys.find((held) => held.api_key_id === id);
  if (!key?.is_active || key.last_used_at || now - Date.parse(key.created_at) > RESUMABLE_MS) return undefined;
  return key.api_key_id;
}

export function applyOnboarded(state: TenantsState, event: Event<'tenant_onboarded'>, at: string): void {
  const tenant = newTenant({
    tenant_id: event.tenant_id as Tenant['tenant_id'],
    created_at: at,
    company_name: event.company_name,
    admin_email: event.admin_email,
    status: 'ACTIVE',
    updated_at: at,
    onboarding: {
      request_hash: event.request_hash,
      undelivered_api_key_id: event.api_key.api_key_id,
      run_dryrun: event.run_dryrun,
      dataset_created_at: null,
      tables_created: [],
      dryrun_run_id: null,
      dryrun_status: event.run_dryrun ? 'PENDING' : 'SKIPPED',
      welcome_sent_at: null,
    },
    subscription: {
      subscription_id: event.subscription_id,
      plan_name: event.plan_name,
      status: 'ACTIVE',
      ...limitsOf(event.plan_name),
      subscription_start_date: event.usage_date,
      subscription_end_date: null,
      stripe_customer_id: event.stripe_customer_id,
      stripe_subscription_id: event.stripe_subscription_id,
      stripe_updated_at: event.stripe_updated_at,
      created_at: at,
      updated_at: at,
    },
  });
  state.tenants.set(tenant.tenant_id, tenant);
  addKey(state, tenant, newKey(event.api_key, at));
  openDay(tenant, event.usage_date, at);
  touch(state.feed, tenant.tenant_id);
}

/** The steps after the first, each noted when it is done. */
export type NoteStep = { readonly tenant_id: string } & (
  | { readonly kind: 'note-dataset-prepared'; readonly tables: readonly string[] }
  | { readonly kind: 'note-dataset-dropped' }
  | { readonly kind: 'note-dryrun'; readonly status: DryrunStatus; readonly run_id: string | null }
  | { readonly kind: 'note-key-delivered'; readonly api_key_id: string }
  | { readonly kind: 'note-welcome-sent' }
);
export function decideStep(state: TenantsState, command: NoteStep): Decision<null> {
  return withTenant<null>(state, command.tenant_id, (tenant) => {
    const { tenant_id } = command;
    const { onboarding } = tenant;
    switch (command.kind) {
      case 'note-dataset-prepared': {
        const known = onboarding.dataset_created_at !== null && command.tables.every((name) => onboarding.tables_created.includes(name));
        return known ? accept(null) : accept(null, { type: 'dataset_prepared', tenant_id, tables: command.tables });
      }
      case 'note-dataset-dropped':
        return onboarding.dataset_created_at === null ? accept(null) : accept(null, { type: 'dataset_dropped', tenant_id });
      case 'note-dryrun':
        return accept(null, { type: 'dryrun_noted', tenant_id, status: command.status, run_id: command.run_id });
      case 'note-key-delivered': {
        const { api_key_id } = command;
        if (onboarding.undelivered_api_key_id !== api_key_id) return accept(null);
        return accept(null, { type: 'api_key_delivered', tenant_id, api_key_id });
      }
      case 'note-welcome-sent':
        return onboarding.welcome_sent_at ? accept(null) : accept(null, { type: 'welcome_sent', tenant_id });
      default:
        return command satisfies never;
    }
  });
}

type StepEvent = Event<
  'dataset_prepared' | 'dataset_dropped' | 'dryrun_noted' | 'api_key_delivered' | 'welcome_sent' | 'onboarding_repeated'
>;
export function applyStep(state: TenantsState, event: StepEvent, at: string): void {
  const { onboarding } = tenantNamed(state, event.tenant_id);
  switch (event.type) {
    case 'dataset_prepared':
      onboarding.dataset_created_at ??= at;
      onboarding.tables_created = [...new Set([...onboarding.tables_created, ...event.tables])];
      return;
    case 'dataset_dropped':
      onboarding.dataset_created_at = null;
      onboarding.tables_created = [];
      return;
    case 'dryrun_noted':
      onboarding.dryrun_status = event.status;
      onboarding.dryrun_run_id = event.run_id;
      return;
    case 'api_key_delivered':
      onboarding.undelivered_api_key_id = null;
      return;
    case 'welcome_sent':
      onboarding.welcome_sent_at = at;
      return;
    case 'onboarding_repeated':
      onboarding.request_hash = event.request_hash;
      onboarding.run_dryrun = event.run_dryrun;
      if (event.run_dryrun && onboarding.dryrun_status === 'SKIPPED') onboarding.dryrun_status = 'PENDING';
      return;
    default:
      event satisfies never;
  }
}
