import { type Principal, Refusal, type TenantId, Transient } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { SignJWT, UnsecuredJWT } from 'jose';
import { TokenSigner, TokenVerifier } from './principal-token.ts';

const keys = { keys: ['k'.repeat(32)] };
const principal: Principal = { kind: 'tenant', tenantId: 'acme' as TenantId, keyId: 'k1', scopes: ['pipelines:read'] };
const tokenFor = async (signer: TokenSigner) => (await signer.headers('tenant-service', 'http://t', principal))['x-principal-token'];
const refusal = (work: Promise<unknown>) => expect(work).rejects.toBeInstanceOf(Refusal);

describe('a principal token', () => {
  test('tells the receiver who asks and which service passes it on', async () => {
    const token = await tokenFor(new TokenSigner('gateway', keys));
    expect(await new TokenVerifier('tenant-service', keys).verify(token, '')).toEqual({ principal, caller: 'gateway' });
  });
  test('is refused by another service than it was made for', async () => {
    const token = await tokenFor(new TokenSigner('gateway', keys));
    await refusal(new TokenVerifier('executor-service', keys).verify(token, ''));
  });
  test('is refused when signed with another key, accepted with an older key of the list', async () => {
    const token = await tokenFor(new TokenSigner('gateway', { keys: ['o'.repeat(32)] }));
    await refusal(new TokenVerifier('tenant-service', keys).verify(token, ''));
    const rotating = new TokenVerifier('tenant-service', { keys: [keys.keys[0] as string, 'o'.repeat(32)] });
    expect((await rotating.verify(token, '')).caller).toBe('gateway');
  });
  test('forged, unsigned, expired, foreign and empty ones are refused', async () => {
    const verifier = new TokenVerifier('tenant-service', keys);
    const key = Buffer.from(keys.keys[0] as string);
    const good = await tokenFor(new TokenSigner('gateway', keys));
    const made = (claims: Record<string, unknown>, issuer: string, ageSeconds: number) => {
      const now = Math.floor(Date.now() / 1000);
      const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setIssuer(issuer).setAudience('tenant-service');
      return jwt
        .setIssuedAt(now - ageSeconds)
        .setExpirationTime(now - ageSeconds + 60)
        .sign(key);
    };
    const [header, payload, signature] = good.split('.') as [string, string, string];
    const forged = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('acme', 'evil')).toString('base64url');
    const unsigned = new UnsecuredJWT({ principal })
      .setIssuer('gateway')
      .setAudience('tenant-service')
      .setIssuedAt()
      .setExpirationTime('1m')
      .encode();
    const bad = [
      '',
      'x.y.z',
      `${header}.${forged}.${signature}`,
      unsigned,
      await made({ principal }, 'gateway', 3600),
      await made({ principal }, 'somebody', 0),
      await made({}, 'gateway', 0),
    ];
    for (const token of bad) await refusal(verifier.verify(token, ''));
    expect((await verifier.verify(await made({ principal }, 'gateway', 0), '')).caller).toBe('gateway');
  });
});

describe('where Google runs us', () => {
  const google = (payload: Record<string, unknown>) => ({
    audience: 'https://tenant-service.example',
    callers: ['gateway@proj.iam.gserviceaccount.com'],
    client: { getFederatedSignonCertsAsync: async () => ({}), verifyIdToken: async () => ({ getPayload: () => payload }) } as never,
  });
  const good = { aud: 'https://tenant-service.example', email: 'gateway@proj.iam.gserviceaccount.com', email_verified: true };
  const verify = async (payload: Record<string, unknown>, authorization = 'Bearer id-token') =>
    new TokenVerifier('tenant-service', keys, google(payload)).verify(await tokenFor(new TokenSigner('gateway', keys)), authorization);

  test('the ID token of a known caller for our audience is accepted', async () => {
    expect((await verify(good)).caller).toBe('gateway');
  });
  test.each([
    ['another audience', { ...good, aud: 'https://other.example' }],
    ['another e-mail', { ...good, email: 'mallory@proj.iam.gserviceaccount.com' }],
    ['an unverified e-mail', { ...good, email_verified: false }],
    ['no e-mail', { aud: good.aud, email_verified: true }],
  ])('%s is refused', async (_, payload) => {
    await refusal(verify(payload));
  });
  test('while Google can not be asked, nobody is refused for it', async () => {
    const away = { getFederatedSignonCertsAsync: () => Promise.reject(new Error('ENOTFOUND')) } as never;
    const verifier = new TokenVerifier('tenant-service', keys, { ...google(good), client: away });
    const token = await tokenFor(new TokenSigner('gateway', keys));
    await expect(verifier.verify(token, 'Bearer id-token')).rejects.toBeInstanceOf(Transient);
  });
  test('a principal token alone is not enough', async () => {
    await refusal(verify(good, ''));
  });
});
