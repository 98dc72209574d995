import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { openIdentity, tokenFor, Unauthenticated } from './index.ts';

describe('identity', () => {
  let dataDir: string;
  beforeAll(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'identity-'));
  });
  afterAll(() => rmSync(dataDir, { recursive: true }));

  test('a token made with the key file names its caller, also after a restart', async () => {
    const identity = openIdentity({ dataDir });
    const token = await tokenFor('tenant-service', { dataDir });
    expect(await identity.callerOf(`Bearer ${token}`)).toEqual({ subject: 'tenant-service', owner: false });
    expect(await identity.callerOf(`bearer ${token}`)).toEqual({ subject: 'tenant-service', owner: false });
    expect(await openIdentity({ dataDir }).callerOf(`Bearer ${token}`)).toEqual({ subject: 'tenant-service', owner: false });
    expect(statSync(join(dataDir, 'identity.jwk')).mode & 0o777).toBe(0o600);
  });

  test('no token is the owner, and nobody when strict', async () => {
    expect((await openIdentity({ dataDir }).callerOf(undefined)).owner).toBe(true);
    await expect(openIdentity({ dataDir, strict: true }).callerOf(undefined)).rejects.toThrow(Unauthenticated);
  });

  test('a forged, expired, foreign or unreadable token is refused, not taken for none', async () => {
    const identity = openIdentity({ dataDir });
    const { k } = JSON.parse(readFileSync(join(dataDir, 'identity.jwk'), 'utf8')) as { k: string };
    const sign = (secret: Buffer, issuer: string, expires: number): Promise<string> =>
      new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setIssuer(issuer).setSubject('x').setExpirationTime(expires).sign(secret);
    const now = Math.floor(Date.now() / 1000);
    const real = Buffer.from(k, 'base64url');
    const bad = [
      await sign(Buffer.alloc(32, 1), 'local-cloud', now + 60),
      await sign(real, 'local-cloud', now - 60),
      await sign(real, 'someone-else', now + 60),
      'nonsense',
    ];
    for (const token of bad) {
      await expect(identity.callerOf(`Bearer ${token}`)).rejects.toThrow(Unauthenticated);
    }
    await expect(identity.callerOf('Basic abc')).rejects.toThrow(Unauthenticated);
  });
});
