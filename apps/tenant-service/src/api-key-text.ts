/**
 * Makes API keys. 1. At least 128 bits of randomness; the tenant in front is for people, nobody reads it back. 2. The text leaves
 * this file to be shown to who asked for the key, and what is kept is its SHA-256 and a sealed copy bound to tenant and key. 3. The copy is
 * opened for the very command that made the key, when it comes again, and for nothing else.
 */
import { createHash, randomInt } from 'node:crypto';
import type { Scope } from '@convergence/contracts';
import type { Keys } from '@convergence/ports';
import type { ApiKey, IssuedKey } from '@convergence/tenants';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** 32 of 62 characters: 190 bits. */
const LENGTH = 32;

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface MadeKey {
  /** Kept nowhere. */
  readonly text: string;
  readonly issued: IssuedKey;
}

export async function makeApiKey(
  keys: Keys,
  tenantId: string,
  options: {
    readonly api_key_id: string;
    readonly scopes: readonly Scope[];
    readonly key_name?: string | null;
    readonly expires_at?: string | null;
  },
): Promise<MadeKey> {
  const { api_key_id, scopes, key_name = null, expires_at = null } = options;
  const random = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  const text = `${tenantId}_api_${random}`;
  const sealed = await keys.seal('api-keys', { tenantId, recordId: api_key_id }, Buffer.from(text, 'utf8'));
  return { text, issued: { api_key_id, api_key_hash: hashOf(text), sealed, key_name, scopes, expires_at } };
}

/** Of the key that is held under the id of the one that was just made: another, when the command had made it before. */
export async function textOf(
  keys: Keys,
  tenantId: string,
  held: Pick<ApiKey, 'api_key_id' | 'api_key_hash' | 'sealed'>,
  made: MadeKey,
): Promise<string> {
  if (held.api_key_hash === made.issued.api_key_hash) return made.text;
  return (await keys.open('api-keys', { tenantId, recordId: held.api_key_id }, held.sealed)).toString('utf8');
}
