import { createHmac, generateKeyPairSync } from 'node:crypto';
import { Transient } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { OAuth2Client } from 'google-auth-library';
import { importPKCS8, SignJWT, UnsecuredJWT } from 'jose';
import { googleEmail } from './google-token.ts';

const AUDIENCE = 'https://gateway.example';
const EMAIL = 'scheduler@project.iam.gserviceaccount.com';
const pair = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const [google, stranger] = [pair(), pair()];

/** Google's own library, with keys of ours in place of those that it fetches. */
function client(keys: () => Promise<Record<string, string>> = async () => ({ current: google.publicKey })): OAuth2Client {
  const real = new OAuth2Client();
  real.getFederatedSignonCertsAsync = async () => ({ certs: await keys(), format: 'PEM' }) as never;
  return real;
}
const claims = { email: EMAIL, email_verified: true };
interface Made {
  readonly more?: object;
  readonly issuer?: string;
  readonly audience?: string;
  readonly ageSeconds?: number;
  readonly kid?: string;
  readonly by?: string;
}
async function token({
  more,
  issuer = 'https://accounts.google.com',
  audience = AUDIENCE,
  ageSeconds = 0,
  kid = 'current',
  by,
}: Made = {}) {
  const now = Math.floor(Date.now() / 1000) - ageSeconds;
  const jwt = new SignJWT({ ...claims, ...more }).setProtectedHeader({ alg: 'RS256', kid }).setIssuer(issuer).setAudience(audience);
  return jwt
    .setIssuedAt(now)
    .setExpirationTime(now + 3600)
    .sign(await importPKCS8(by ?? google.privateKey, 'RS256'));
}
const unsigned = () =>
  new UnsecuredJWT(claims).setIssuer('https://accounts.google.com').setAudience(AUDIENCE).setIssuedAt().setExpirationTime('1h').encode();
/** Signed with the public key as if it were a shared secret. */
async function confused(): Promise<string> {
  const [, payload] = (await token()).split('.');
  const head = `${Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'current' })).toString('base64url')}.${payload}`;
  return `${head}.${createHmac('sha256', google.publicKey).update(head).digest('base64url')}`;
}

describe("a Google-signed token, by Google's own library", () => {
  test('tells its e-mail', async () => {
    expect(await googleEmail(client(), await token(), AUDIENCE)).toBe(EMAIL);
    expect(await googleEmail(client(), await token({ ageSeconds: -60 }), AUDIENCE)).toBe(EMAIL);
  });

  test.each<[string, () => Promise<string> | string]>([
    ['another audience', () => token({ audience: 'https://else' })],
    ['another issuer', () => token({ issuer: 'https://accounts.evil.example' })],
    ['an hour and more behind it', () => token({ ageSeconds: 3600 + 301 })],
    ['an hour before it', () => token({ ageSeconds: -3600 })],
    ['a key that nobody knows', () => token({ kid: 'gone' })],
    ["a stranger's signature", () => token({ by: stranger.privateKey })],
    ['no signature', unsigned],
    ['the public key as its secret', confused],
    ['no form', () => 'a.b.c'],
  ])('with %s is none', async (_, made) => {
    await expect(googleEmail(client(), await made(), AUDIENCE)).rejects.not.toBeInstanceOf(Transient);
  });

  test.each([
    ['an unverified e-mail', { email_verified: false }],
    ['"true" for verified', { email_verified: 'true' }],
    ['no e-mail', { email: undefined }],
  ])('with %s names nobody', async (_, more) => {
    expect(await googleEmail(client(), await token({ more }), AUDIENCE)).toBeUndefined();
  });

  test('can not be judged while keys can not be had: that is "not now", no refusal', async () => {
    const away = client(() => Promise.reject(new Error('Failed to retrieve verification certificates: ENOTFOUND')));
    await expect(googleEmail(away, await token(), AUDIENCE)).rejects.toBeInstanceOf(Transient);
  });
});
