/**
 * Who is calling. A caller is the subject of its bearer token, a JWT (HS256) signed with the key that local-cloud writes at
 * start into `<data>/identity.jwk` (mode 600): who can read that file may speak for anyone, exactly like a service account key.
 *
 * 1. No token on loopback is the person at the laptop, an owner; with `strict` it is refused.
 * 2. A token that does not verify is refused, never taken for "no token".
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JWK, jwtVerify, SignJWT } from 'jose';

export interface Caller {
  /** What access lists name; `owner` callers may do everything. */
  readonly subject: string;
  readonly owner: boolean;
}
export class Unauthenticated extends Error {
  override readonly name = 'Unauthenticated';
}
export interface Identity {
  /** Whether callers without a token are refused. */
  readonly strict: boolean;
  /** Throws Unauthenticated. */
  callerOf(authorization: string | undefined): Promise<Caller>;
}

const FILE = 'identity.jwk';
const ISSUER = 'local-cloud';
const OWNER: Caller = { subject: 'owner@local-cloud', owner: true };
/** Tokens are verified once and remembered until they expire. */
const REMEMBERED = 1000;

export function openIdentity(options: { readonly dataDir: string; readonly strict?: boolean }): Identity {
  const key = Buffer.from(loadOrCreate(join(options.dataDir, FILE)).k ?? '', 'base64url');
  const known = new Map<string, { caller: Caller; until: number }>();
  return {
    strict: options.strict ?? false,
    async callerOf(authorization) {
      if (authorization === undefined || authorization === '') {
        if (options.strict) {
          throw new Unauthenticated('Request is missing required authentication credential.');
        }
        return OWNER;
      }
      const remembered = known.get(authorization);
      if (remembered !== undefined && remembered.until > Date.now()) {
        return remembered.caller;
      }
      const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
      if (token === undefined) {
        throw new Unauthenticated('Request had invalid authentication credentials. Expected a bearer token.');
      }
      const verified = await jwtVerify(token, key, { issuer: ISSUER, algorithms: ['HS256'], requiredClaims: ['sub', 'exp'] }).catch(
        (cause: unknown) => {
          throw new Unauthenticated('Request had invalid authentication credentials.', { cause });
        },
      );
      const subject = verified.payload.sub!;
      const caller: Caller = { subject, owner: subject === OWNER.subject };
      if (known.size >= REMEMBERED) {
        known.clear();
      }
      known.set(authorization, { caller, until: verified.payload.exp! * 1000 });
      return caller;
    },
  };
}

/** A token for `subject`, for a process on this machine that may read the data directory. */
export async function tokenFor(subject: string, options: { readonly dataDir: string; readonly ttlSeconds?: number }): Promise<string> {
  const jwk = JSON.parse(readFileSync(join(options.dataDir, FILE), 'utf8')) as JWK;
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({})
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
    .setIssuer(ISSUER)
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + (options.ttlSeconds ?? 3600))
    .sign(Buffer.from(jwk.k ?? '', 'base64url'));
}

function loadOrCreate(path: string): JWK {
  if (existsSync(path)) {
    chmodSync(path, 0o600);
    return JSON.parse(readFileSync(path, 'utf8')) as JWK;
  }
  const jwk: JWK = { kty: 'oct', alg: 'HS256', kid: randomUUID(), k: randomBytes(32).toString('base64url') };
  mkdirSync(join(path, '..'), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(jwk)}\n`, { mode: 0o600 });
  renameSync(draft, path);
  return jwk;
}
