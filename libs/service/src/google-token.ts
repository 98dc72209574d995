/**
 * Whose is this Google-signed ID token? 1. Its audience AND its verified e-mail count: the library skips the audience when it is given none
 * and never looks at the e-mail. 2. That Google's keys can not be had says nothing about the token: "not now", within seconds.
 */
import type { OAuth2Client } from 'google-auth-library';
import { patiently } from './patience.ts';

export type GoogleClient = Pick<OAuth2Client, 'verifyIdToken' | 'getFederatedSignonCertsAsync'>;

/** The verified e-mail; undefined for a token that is not for this audience or names nobody. Throws for one that is not Google's. */
export async function googleEmail(client: GoogleClient, idToken: string, audience: string): Promise<string | undefined> {
  await patiently('Google', () => client.getFederatedSignonCertsAsync());
  const payload = (await client.verifyIdToken({ idToken, audience })).getPayload();
  return payload?.aud === audience && payload.email_verified === true ? payload.email : undefined;
}
