/**
 * Makes API keys. 1. At least 128 bits of randomness; the tenant in front is for people, nobody reads it back. 2. The text leaves
 * this file once: to be shown; what is kept is its SHA-256 and a sealed copy bound to tenant and key.
 */
import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { Scope } from '@convergence/contracts';
import type { Keys } from '@convergence/ports';
import type { IssuedKey } from '@convergence/tenants';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** 32 of 62 characters: 190 bits. */
const LENGTH = 32;

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface MadeKey {
  /** Shown once, kept nowhere. */
  readonly text: string;
  readonly issued: IssuedKey;
}

export async function makeApiKey(
  keys: Keys,
  tenantId: string,
  options: { readonly scopes: readonly Scope[]; readonly key_name?: string | null; readonly expires_at?: string | null },
): Promise<MadeKey> {
  const api_key_id = randomUUID();
  const random = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  const text = `${tenantId}_api_${random}`;
  const sealed = await keys.seal('api-keys', { tenantId, recordId: api_key_id }, Buffer.from(text, 'utf8'));
  const { scopes, key_name = null, expires_at = null } = options;
  return { text, issued: { api_key_id, api_key_hash: hashOf(text), sealed, key_name, scopes, expires_at } };
}
