/**
 * Credentials that tenants hand in: checked for the shape their provider asks for, then sealed.
 *
 * 1. A refusal names the field and what is wrong with it, never its value. 2. What is sealed is exactly what was checked: for all but
 * Google's own file format unknown fields are refused, so a secret in a mistyped field is not kept. 3. Bound to tenant and credential:
 * a sealed text that is moved elsewhere does not open. 4. It is held in memory with its tenant, so it is small.
 */
import { type CredentialType, check, type Provider, Refusal } from '@convergence/contracts';
import type { Keys } from '@convergence/ports';
import { type CredentialShape, SHAPES } from './shapes.ts';

/** A service-account file has 2 to 3 KB. */
const MOST_BYTES = 16_384;

export interface CheckedCredential {
  readonly type: CredentialType;
  readonly secret: Readonly<Record<string, unknown>>;
  readonly hint: string;
  readonly projectId: string | null;
}

export function checkedCredential(
  provider: Provider,
  type: CredentialType | undefined,
  given: Readonly<Record<string, unknown>>,
): CheckedCredential {
  const shapes = SHAPES[provider];
  const shape: CredentialShape | undefined = type
    ? shapes.find((known) => known.type === type)
    : (shapes.find((s) => s.fits(given)) ?? shapes[0]);
  if (!shape) {
    const known = shapes.map((s) => s.type).join(' or ');
    throw new Refusal('credential.invalid', `${provider} credentials are of type ${known}.`, {
      fields: { errors: [{ in: 'body', path: '/credential_type', message: `must be ${known}` }] },
    });
  }
  const secret = structuredClone(given) as Record<string, unknown>;
  const result = check(shape.schema, secret);
  const tooLarge = Buffer.byteLength(JSON.stringify(secret)) > MOST_BYTES;
  if (!result.ok || tooLarge) {
    const found = result.ok ? [{ path: '/', message: `must be at most ${MOST_BYTES / 1024} KB of JSON` }] : result.errors;
    const errors = found.map(({ path, message }) => ({ in: 'body', path: `/credentials${path === '/' ? '' : path}`, message }));
    const first = errors.map(({ path, message }) => `${path} ${message}`).slice(0, 3);
    throw new Refusal('credential.invalid', `Not a ${provider} ${shape.type}: ${first.join('; ')}.`, { fields: { errors } });
  }
  return { type: shape.type, secret, hint: shape.hint(secret).slice(0, 200), projectId: shape.projectId?.(secret) ?? null };
}

export const seal = (keys: Keys, tenantId: string, credentialId: string, { secret }: CheckedCredential): Promise<string> =>
  keys.seal('credentials', { tenantId, recordId: credentialId }, Buffer.from(JSON.stringify(secret), 'utf8'));
