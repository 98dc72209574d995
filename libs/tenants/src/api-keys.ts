/**
 * API keys. A key's text is made and shown outside; in here it is a SHA-256.
 *
 * 1. Keys are looked up, never parsed: `{tenant}_api_` is ambiguous. 2. Rotation is one event: the successor exists in the same
 * moment as the old key gets its end, so nobody is ever locked out between two steps. 3. A revoked key never works again.
 * 4. Use is noted at most once in a while per key. 5. A successor lives as long as its key was meant to, also when it is rotated again during
 * the overlap, because the first successor's text was lost. 6. Dead keys are remembered, so how many a day may begin is limited. 7. A key that
 * is there already, by its id, is not made again.
 */
import { addHours } from './days.ts';
import { accept, type Context, type Decision, iso, refuse, withTenant } from './decision.ts';
import type { IssuedKey, TenantEvent } from './events.ts';
import { type ApiKey, indexKey, type Tenant, type TenantsState, tenantNamed, withOneMore } from './state.ts';
import { standingOf } from './subscription.ts';

/** A key that is not rotated by then asks for it. */
export const ROTATE_AFTER_DAYS = 90;
export const MAX_WORKING_KEYS = 50;
export const MAX_NEW_KEYS_A_DAY = 100;
const DAY_MS = 86_400_000;
const USED_EVERY_MS = 60_000;

type Event<T extends TenantEvent['type']> = Extract<TenantEvent, { type: T }>;

export const works = (key: ApiKey, now: number): boolean => key.is_active && (key.expires_at === null || Date.parse(key.expires_at) > now);

/** Who holds the key with this SHA-256, if it works. */
export function findKey(state: TenantsState, hash: string, now: number): { readonly tenant: Tenant; readonly key: ApiKey } | undefined {
  const found = state.keysByHash.get(hash);
  return found && works(found.key, now) ? found : undefined;
}

export interface IssueKey {
  readonly kind: 'issue-api-key';
  readonly tenant_id: string;
  readonly api_key: IssuedKey;
}
export function decideIssue(state: TenantsState, command: IssueKey, context: Context): Decision<null> {
  return withTenant(state, command.tenant_id, (tenant) => {
    if (isThere(tenant, command.api_key)) return accept(null);
    if (tenant.api_keys.filter((key) => works(key, context.now)).length >= MAX_WORKING_KEYS) {
      return refuse('request.invalid', `A tenant may have ${MAX_WORKING_KEYS} keys that work; revoke one first.`);
    }
    const { tenant_id, api_key } = command;
    return (
      tooManyToday(tenant, context.now) ??
      accept(null, { type: 'api_key_issued', tenant_id, api_key, undelivered: false, standing: standingOf(tenant) })
    );
  });
}

export interface RotateKey {
  readonly kind: 'rotate-api-key';
  readonly tenant_id: string;
  readonly api_key_id: string;
  /** Its successor; takes over name and scopes. */
  readonly api_key: Pick<IssuedKey, 'api_key_id' | 'api_key_hash' | 'sealed'>;
  readonly overlap_hours: number;
}
export function decideRotation(state: TenantsState, command: RotateKey, context: Context): Decision<null> {
  const { tenant_id, api_key_id } = command;
  return withOwnKey(state, tenant_id, api_key_id, (tenant, old) => {
    if (isThere(tenant, command.api_key)) return accept(null);
    if (!works(old, context.now)) return refuse('api_key.not_found', 'The key does not work any more, so it can not be rotated.');
    const no = tooManyToday(tenant, context.now);
    if (no) return no;
    const lifetime = lifetimeOf(tenant, old);
    const api_key: IssuedKey = {
      ...command.api_key,
      key_name: old.key_name,
      scopes: old.scopes,
      expires_at: lifetime === null ? null : iso(context.now + lifetime),
    };
    const end = addHours(context.now, command.overlap_hours);
    const old_expires_at = old.expires_at && old.expires_at < end ? old.expires_at : end;
    return accept(null, { type: 'api_key_rotated', tenant_id, api_key_id, api_key, old_expires_at, standing: standingOf(tenant) });
  });
}

export const isThere = (tenant: Tenant, { api_key_id }: Pick<IssuedKey, 'api_key_id'>): boolean =>
  tenant.api_keys.some((held) => held.api_key_id === api_key_id);

function tooManyToday(tenant: Tenant, now: number): Decision<never> | undefined {
  const today = tenant.api_keys.filter((key) => now - Date.parse(key.created_at) < DAY_MS).length;
  if (today < MAX_NEW_KEYS_A_DAY) return undefined;
  return refuse('request.invalid', `A tenant may have ${MAX_NEW_KEYS_A_DAY} new keys within a day.`);
}

/** The expiry of a key that was rotated is the end of its overlap; what it was meant to live its successor shows. */
function lifetimeOf(tenant: Tenant, key: ApiKey): number | null {
  const successor = key.rotated_to === null ? undefined : tenant.api_keys.find((held) => held.api_key_id === key.rotated_to);
  if (successor) return lifetimeOf(tenant, successor);
  return key.expires_at === null ? null : Date.parse(key.expires_at) - Date.parse(key.created_at);
}

export interface RevokeKey {
  readonly kind: 'revoke-api-key';
  readonly tenant_id: string;
  readonly api_key_id: string;
}
export function decideRevocation(state: TenantsState, { tenant_id, api_key_id }: RevokeKey): Decision<null> {
  return withOwnKey(state, tenant_id, api_key_id, (tenant, key) =>
    key.is_active ? accept(null, { type: 'api_key_revoked', tenant_id, api_key_id, standing: standingOf(tenant) }) : accept(null),
  );
}

export interface NoteKeysUsed {
  readonly kind: 'note-keys-used';
  readonly used: readonly { readonly api_key_id: string; readonly at: string }[];
}
export function decideUse(state: TenantsState, command: NoteKeysUsed, context: Context): Decision<null> {
  const newest = new Map<string, number>();
  for (const { api_key_id, at } of command.used) {
    const time = Math.min(Date.parse(at), context.now);
    const key = state.keysById.get(api_key_id)?.key;
    if (!key || Number.isNaN(time)) continue;
    const before = newest.get(api_key_id) ?? (key.last_used_at ? Date.parse(key.last_used_at) + USED_EVERY_MS - 1 : 0);
    if (time > before) newest.set(api_key_id, time);
  }
  const used = [...newest].map(([api_key_id, time]) => ({ api_key_id, at: iso(time) }));
  return used.length === 0 ? accept(null) : accept(null, { type: 'api_keys_used', used });
}

function withOwnKey<R>(
  state: TenantsState,
  tenantId: string,
  keyId: string,
  decide: (tenant: Tenant, key: ApiKey) => Decision<R>,
): Decision<R> {
  return withTenant(state, tenantId, (tenant) => {
    const key = tenant.api_keys.find((k) => k.api_key_id === keyId);
    return key ? decide(tenant, key) : refuse('api_key.not_found', `The tenant has no key ${keyId}.`);
  });
}

/** A key as it begins. */
export const newKey = (issued: IssuedKey, created_at: string): ApiKey => ({
  ...issued,
  created_at,
  is_active: true,
  last_used_at: null,
  revoked_at: null,
  rotated_to: null,
});

export function addKey(state: TenantsState, tenant: Tenant, key: ApiKey): void {
  tenant.api_keys = withOneMore(tenant.api_keys, key);
  indexKey(state, tenant, key);
}

export function applyIssued(state: TenantsState, event: Event<'api_key_issued'>, at: string): void {
  const tenant = tenantNamed(state, event.tenant_id);
  addKey(state, tenant, newKey(event.api_key, at));
  if (event.undelivered) tenant.onboarding.undelivered_api_key_id = event.api_key.api_key_id;
}
export function applyRotated(state: TenantsState, event: Event<'api_key_rotated'>, at: string): void {
  const tenant = tenantNamed(state, event.tenant_id);
  addKey(state, tenant, newKey(event.api_key, at));
  change(state, event.api_key_id, (old) => {
    old.expires_at = event.old_expires_at;
    old.rotated_to = event.api_key.api_key_id;
  });
}
export function applyRevoked(state: TenantsState, event: Event<'api_key_revoked'>, at: string): void {
  change(state, event.api_key_id, (key) => {
    key.is_active = false;
    key.revoked_at = at;
  });
}
export function applyAdopted(state: TenantsState, event: Event<'api_key_adopted'>, at: string): void {
  change(state, event.api_key_id, (key) => {
    key.is_active = event.is_active;
    if (!event.is_active) key.revoked_at ??= at;
    key.expires_at = event.expires_at;
  });
}
export function applyUsed(state: TenantsState, event: Event<'api_keys_used'>): void {
  for (const { api_key_id, at } of event.used) {
    change(state, api_key_id, (key) => {
      key.last_used_at = at;
    });
  }
}
function change(state: TenantsState, keyId: string, how: (key: ApiKey) => void): void {
  const found = state.keysById.get(keyId);
  if (found) how(found.key);
}
