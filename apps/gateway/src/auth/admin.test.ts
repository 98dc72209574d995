import { Refusal, Transient } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { Admins } from './admin.ts';

const EMAIL = 'scheduler@project.iam.gserviceaccount.com';
const AUDIENCE = 'https://gateway.example';
/** As the real client behaves: it checks an audience only when it is given one, and never the e-mail. */
const google = (payload: object) => ({
  getFederatedSignonCertsAsync: async () => ({}) as never,
  verifyIdToken: async ({ audience }: { audience?: string | string[] }) => {
    const { aud } = payload as { aud?: string };
    if (audience !== undefined && aud !== audience) throw new Error('Wrong recipient');
    return { getPayload: () => payload } as never;
  },
});
const admins = (payload: object = {}) =>
  new Admins({ keys: ['old-key', 'new-key'], oidc: { client: google(payload) as never, audience: AUDIENCE, emails: [EMAIL] } });
const TOKEN = 'Bearer aaaa.bbbb.cccc';

describe('operators', () => {
  test.each(['old-key', 'new-key'])('%s opens while keys are being changed', async (key) => {
    await expect(admins().verify(key, '')).resolves.toBeUndefined();
  });

  test.each([
    ['no credentials', '', ''],
    ['a wrong key', 'wrong', ''],
    ['a prefix of the key', 'old-ke', ''],
    ['a key that differs in case', 'OLD-KEY', ''],
    ['a wrong key beside a good token', 'wrong', TOKEN],
    ['a token that is none', '', 'Bearer abc'],
    ['basic authentication', '', 'Basic b2xkLWtleQ=='],
  ])('%s is refused with one text', async (_, key, authorization) => {
    const refused = admins({ aud: AUDIENCE, email: EMAIL, email_verified: true }).verify(key, authorization);
    await expect(refused).rejects.toThrow(new Refusal('auth.invalid_admin_key', 'Invalid admin API key'));
  });

  test('an empty configured key opens nothing', async () => {
    await expect(new Admins({ keys: [''] }).verify('', '')).rejects.toThrow(Refusal);
  });

  test('a Google token with the right audience and e-mail opens', async () => {
    await expect(admins({ aud: AUDIENCE, email: EMAIL, email_verified: true }).verify('', TOKEN)).resolves.toBeUndefined();
  });

  test.each([
    ['another audience', { aud: 'https://else', email: EMAIL, email_verified: true }],
    ['another e-mail', { aud: AUDIENCE, email: 'x@evil.iam.gserviceaccount.com', email_verified: true }],
    ['an unverified e-mail', { aud: AUDIENCE, email: EMAIL, email_verified: false }],
    ['no e-mail', { aud: AUDIENCE }],
  ])('a Google token with %s is refused', async (_, payload) => {
    await expect(admins(payload).verify('', TOKEN)).rejects.toThrow('Invalid admin API key');
  });

  test('a token is neither right nor wrong while Google can not be asked', async () => {
    const client = { ...google({}), getFederatedSignonCertsAsync: () => Promise.reject(new Error('ENOTFOUND')) };
    const asking = new Admins({ keys: ['k'], oidc: { client, audience: AUDIENCE, emails: [EMAIL] } }).verify('', TOKEN);
    await expect(asking).rejects.toBeInstanceOf(Transient);
  });

  test('without OIDC configured no token opens', async () => {
    await expect(new Admins({ keys: ['k'] }).verify('', TOKEN)).rejects.toThrow('Invalid admin API key');
  });
});
