/**
 * Redaction: what must never reach a log line.
 *
 * Does not know: the logger. Two nets, because each alone leaks:
 * 1. by key: a field whose name means a secret is replaced whole, whatever it holds, at any depth;
 * 2. by value: a text that looks like a secret is cut out of any text (messages, stacks, urls), whatever its field is called.
 * 3. The values of this process's own secret settings are cut out literally.
 * Names and ids of secrets (credential_id, key_prefix, token_count) stay readable: operators need them.
 */

export const REDACTED = '[redacted]';

const SECRET_KEY =
  /password|passwd|passphrase|secret|token|apikey|adminkey|accesskey|accountkey|signingkey|privatekey|authorization|cookie|credential|connectionstring|smtpurl|plaintext|sessionkey|datakey|signature/;
const HARMLESS_ENDING = /(id|ids|name|type|kind|count|hash|prefix|status|expiresat|lastused|provider|version|scopes?|limit)$/;

export function isSecretKey(key: string): boolean {
  const bare = key.toLowerCase().replace(/[^a-z0-9]/g, '');
  return SECRET_KEY.test(bare) && !HARMLESS_ENDING.test(bare);
}

/** Each alternative matches one kind of secret inside any text, also when the text is JSON inside JSON. */
const SECRET_VALUES = new RegExp(
  [
    '-----BEGIN [A-Z ]*PRIVATE KEY-----[\\s\\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=")|$)',
    '\\beyJ[\\w-]{8,}\\.eyJ[\\w-]+(?:\\.[\\w-]*)?',
    '\\b[a-z][a-z0-9_]*_api_[\\w-]{16,}',
    '\\b(?:AKIA|ASIA)[A-Z0-9]{16}\\b',
    '\\bsk-[\\w-]{16,}',
    '\\b(?:sk|rk|pk)_(?:live|test)_\\w{8,}',
    '\\bwhsec_[\\w+/=-]{8,}',
    '\\bAIza[\\w-]{30,}',
    '\\bya29\\.[\\w.-]{8,}',
    '\\bxox[a-z]-[\\w-]{8,}',
    '(?<=hooks\\.slack\\.com/services/)[\\w/]+',
    '\\b(?:ghp|gho|ghs)_\\w{20,}',
    '(?<=\\b(?:Bearer|Basic)\\s+)[\\w.~+/=-]{6,}',
    '(?<=://)[^\\s:/@"]*:[^\\s@"]+(?=@)',
    '(?<=[?&;\\s](?:api[_-]?key|key|access[_-]?token|token|client[_-]?secret|secret|password|sig|signature|AccountKey|SharedAccessSignature)=)[^&\\s"\';]+',
    '(?<=\\b(?:x-api-key|x-admin-key|authorization|cookie)["\\\\]*\\s*[:=]\\s*["\\\\]*(?:(?:bearer|basic)\\s+)?)[^\\s"\\\\,;]{3,}',
    '(?<=(?:private_key|client_secret|secret_access_key|api_key|password|refresh_token|access_token)\\\\*"\\s*:\\s*\\\\*")[^"\\\\]+(?:\\\\+[^"][^"\\\\]*)*',
  ].join('|'),
  'gi',
);
// Case matters for none of the kinds above except by accident; `i` catches lower-cased copies of headers and keys.

export interface Redactor {
  /** Cuts secrets out of a text. */
  text(value: string): string;
  /** A copy without the values of secret keys; texts inside are left to `text`, which sees the whole line anyway. */
  fields(value: unknown): unknown;
}

export function createRedactor(ownSecrets: readonly string[] = []): Redactor {
  // Short ones would cut ordinary words to pieces; a secret that short protects nothing.
  const literals = ownSecrets.filter((value) => value.length >= 8).flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]);
  return {
    text(value) {
      let out = value;
      for (const literal of literals) out = out.replaceAll(literal, REDACTED);
      return out.replace(SECRET_VALUES, REDACTED);
    },
    fields: (value) => withoutSecretKeys(value, 0),
  };
}

const DEPTH = 8;

function withoutSecretKeys(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH) return '[deeper]';
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Error) return plainError(value, depth);
  if (Array.isArray(value)) return value.map((item) => withoutSecretKeys(item, depth + 1));
  if (value instanceof Map) return withoutSecretKeys(Object.fromEntries(value), depth + 1);
  if (value instanceof Set) return withoutSecretKeys([...value], depth + 1);
  const json = value as { toJSON?: () => unknown };
  if (typeof json.toJSON === 'function') return withoutSecretKeys(json.toJSON(), depth + 1);
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    copy[key] = isSecretKey(key) && item !== undefined && item !== null ? REDACTED : withoutSecretKeys(item, depth + 1);
  }
  return copy;
}

/** An error as a record: clients' errors carry whole requests (`config`, `request`, `response`), so only known parts are kept. */
function plainError(error: Error, depth: number): Record<string, unknown> {
  const extra = error as { code?: unknown; status?: unknown; details?: unknown; errors?: unknown };
  const plain: Record<string, unknown> = { type: error.name, message: error.message, stack: error.stack };
  for (const key of ['code', 'status', 'details'] as const) {
    if (extra[key] !== undefined) plain[key] = withoutSecretKeys(extra[key], depth + 1);
  }
  if (error instanceof AggregateError || Array.isArray(extra.errors)) plain.errors = withoutSecretKeys(extra.errors, depth + 1);
  if (error.cause !== undefined) plain.cause = withoutSecretKeys(error.cause, depth + 1);
  return plain;
}
