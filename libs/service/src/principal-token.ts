/**
 * Tokens between services. A request carries who asks (the principal) and which of our services passes it on, signed.
 *
 * Does not know: HTTP routes. 1. A token names its issuer and one audience and lives a minute; HS256 with a key that all
 * services share and nobody else has. 2. Where Google runs us, a Google-signed ID token must come with it, and both its
 * audience and its e-mail are checked: the platform's word for which service calls. 3. The first key signs; all keys verify
 * (rotation).
 */
import { type Principal, Refusal, SERVICES, type ServiceName, Transient } from '@convergence/contracts';
import { GoogleAuth, OAuth2Client } from 'google-auth-library';
import { jwtVerify, SignJWT } from 'jose';
import { type GoogleClient, googleEmail } from './google-token.ts';

const LIFETIME_SECONDS = 60;
/** Tokens are signed and verified once and remembered while they live: a principal asks many times a second. */
const REMEMBERED = 10_000;

export interface InternalKeys {
  /** Each at least 32 characters; the first signs. */
  readonly keys: readonly string[];
}

export interface GoogleIdentity {
  /** This service's own URL: what callers ask their ID token for. */
  readonly audience: string;
  /** Service accounts that may call. */
  readonly callers: readonly string[];
}

export interface InternalHeaders {
  readonly 'x-principal-token': string;
  readonly authorization?: string;
}

export class TokenSigner {
  readonly service: ServiceName;
  readonly #key: Uint8Array;
  readonly #google: GoogleAuth | undefined;
  readonly #signed = new Map<string, { token: string; renewAt: number }>();

  constructor(service: ServiceName, { keys }: InternalKeys, options: { google?: boolean } = {}) {
    this.service = service;
    this.#key = Buffer.from(keys[0] ?? '');
    this.#google = options.google ? new GoogleAuth() : undefined;
  }

  async headers(audience: ServiceName, url: string, principal: Principal): Promise<InternalHeaders> {
    const token = await this.token(audience, principal);
    if (!this.#google) return { 'x-principal-token': token };
    const client = await this.#google.getIdTokenClient(url);
    const authorization = (await client.getRequestHeaders(url)).get('authorization');
    if (!authorization) throw new Error(`no Google ID token for ${url}`);
    return { 'x-principal-token': token, authorization };
  }

  /** Who asks, signed; for a request that carries several. */
  async token(audience: ServiceName, principal: Principal): Promise<string> {
    const cacheKey = `${audience} ${JSON.stringify(principal)}`;
    const now = Date.now();
    const remembered = this.#signed.get(cacheKey);
    if (remembered && remembered.renewAt > now) return remembered.token;
    const token = await new SignJWT({ principal })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(this.service)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(`${LIFETIME_SECONDS}s`)
      .sign(this.#key);
    remember(this.#signed, cacheKey, { token, renewAt: now + (LIFETIME_SECONDS * 1000) / 2 });
    return token;
  }
}

interface GoogleCheck extends GoogleIdentity {
  readonly client: GoogleClient;
}

export interface VerifiedCaller {
  readonly principal: Principal;
  readonly caller: ServiceName;
}

export class TokenVerifier {
  readonly #service: ServiceName;
  readonly #keys: readonly Uint8Array[];
  readonly #google: GoogleCheck | undefined;
  readonly #verified = new Map<string, { who: VerifiedCaller; until: number }>();

  constructor(service: ServiceName, { keys }: InternalKeys, google?: GoogleIdentity & { client?: GoogleClient }) {
    this.#service = service;
    this.#keys = keys.map((key) => Buffer.from(key));
    this.#google = google && { ...google, client: google.client ?? new OAuth2Client() };
  }

  async verify(token: string, authorization: string): Promise<VerifiedCaller> {
    if (this.#google) await verifyGoogle(this.#google, authorization);
    return this.verifySigned(token);
  }

  /** For a token inside of a request that was verified. */
  async verifySigned(token: string): Promise<VerifiedCaller> {
    const remembered = this.#verified.get(token);
    if (remembered && remembered.until > Date.now()) return remembered.who;
    const { payload, exp } = await this.#verify(token);
    const who = { principal: payload.principal as Principal, caller: payload.iss as ServiceName };
    remember(this.#verified, token, { who, until: exp * 1000 });
    return who;
  }

  async #verify(token: string): Promise<{ payload: Record<string, unknown>; exp: number }> {
    let cause: unknown;
    for (const key of this.#keys) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: ['HS256'],
          audience: this.#service,
          issuer: [...SERVICES],
          requiredClaims: ['exp', 'iat', 'principal'],
          maxTokenAge: 2 * LIFETIME_SECONDS,
          clockTolerance: 5,
        });
        return { payload, exp: payload.exp as number };
      } catch (error) {
        cause = error;
      }
    }
    throw new Refusal('auth.internal', 'The principal token is missing or not valid.', { cause });
  }
}

async function verifyGoogle({ client, audience, callers }: GoogleCheck, authorization: string): Promise<void> {
  const idToken = /^Bearer (\S+)$/i.exec(authorization)?.[1];
  if (!idToken) throw new Refusal('auth.internal', 'A Google-signed ID token is required.');
  const email = await googleEmail(client, idToken, audience).catch((cause: unknown) => {
    if (cause instanceof Transient) throw cause;
    throw new Refusal('auth.internal', 'The Google-signed ID token is not valid.', { cause });
  });
  if (!email || !callers.includes(email)) throw new Refusal('auth.internal', 'This caller is not one of our services.');
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= REMEMBERED) map.delete(map.keys().next().value as string);
  map.set(key, value);
}
