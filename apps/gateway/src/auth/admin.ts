/**
 * Is this an operator? By the admin key, or by a Google-signed ID token (Cloud Scheduler, people with gcloud).
 *
 * 1. Keys are compared as digests in constant time. 2. A token's audience AND its verified e-mail are checked. 3. Everything that is not
 * right is the same refusal.
 */
import { Refusal, Transient } from '@convergence/contracts';
import { type GoogleClient, googleEmail } from '@convergence/service';
import { digest, sameDigest } from './digest.ts';

export interface AdminOptions {
  /** Several while a key is being changed. */
  readonly keys: readonly string[];
  readonly oidc?: { readonly client: GoogleClient; readonly audience: string; readonly emails: readonly string[] };
}

export class Admins {
  readonly #digests: readonly Buffer[];
  readonly #oidc: AdminOptions['oidc'];

  constructor({ keys, oidc }: AdminOptions) {
    this.#digests = keys.filter((key) => key !== '').map(digest);
    this.#oidc = oidc;
  }

  /** Resolves for an operator and throws for everybody else. */
  async verify(adminKey: string, authorization: string): Promise<void> {
    if (adminKey !== '') {
      const given = digest(adminKey);
      let found = false;
      for (const known of this.#digests) found = sameDigest(given, known) || found;
      if (found) return;
      throw refused();
    }
    const idToken = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1];
    if (!idToken || !this.#oidc) throw refused();
    const { client, audience, emails } = this.#oidc;
    const email = await googleEmail(client, idToken, audience).catch((cause: unknown) => {
      throw cause instanceof Transient ? cause : refused(cause);
    });
    if (!email || !emails.includes(email)) throw refused();
  }
}

const refused = (cause?: unknown): Refusal => new Refusal('auth.invalid_admin_key', 'Invalid admin API key', { cause });
