import { statSync } from 'node:fs';
import { join } from 'node:path';
import { KeyManagementServiceClient } from '@google-cloud/kms';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';
import { crc32c } from './crc32c.ts';

const GLOBAL = 'projects/some-project/locations/global';
const bytes = (text: string): Buffer => Buffer.from(text);

describe('Cloud KMS', () => {
  let cloud: StartedProcess;
  let kms: KeyManagementServiceClient;
  let ring: string;
  let count = 0;
  const connect = (): KeyManagementServiceClient => {
    const [apiEndpoint, port] = cloud.addresses.kms.split(':') as [string, string];
    return new KeyManagementServiceClient({
      apiEndpoint,
      port: Number(port),
      sslCreds: grpc.credentials.createInsecure(),
      projectId: 'some-project',
    });
  };
  const newKey = async (extra: object = {}): Promise<string> => {
    const [key] = await kms.createCryptoKey({
      parent: ring,
      cryptoKeyId: `key${count++}`,
      cryptoKey: { purpose: 'ENCRYPT_DECRYPT', ...extra },
    });
    return key.name!;
  };
  const codeOf = (call: Promise<unknown>): Promise<number> =>
    call.then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  beforeAll(async () => {
    cloud = await startProcess();
    kms = connect();
    [{ name: ring }] = (await kms.createKeyRing({ parent: GLOBAL, keyRingId: 'ring' })) as unknown as [{ name: string }];
  });
  afterAll(async () => {
    await kms.close();
    await cloud.dispose();
  });

  test('what is encrypted decrypts, with checksums verified both ways', async () => {
    const name = await newKey();
    const [sealed] = await kms.encrypt({
      name,
      plaintext: bytes('secret'),
      plaintextCrc32c: { value: crc32c(bytes('secret')) },
      additionalAuthenticatedData: bytes('tenant'),
      additionalAuthenticatedDataCrc32c: { value: crc32c(bytes('tenant')) },
    });
    expect(sealed).toMatchObject({
      name: `${name}/cryptoKeyVersions/1`,
      verifiedPlaintextCrc32c: true,
      verifiedAdditionalAuthenticatedDataCrc32c: true,
    });
    expect(Number(sealed.ciphertextCrc32c!.value)).toBe(crc32c(sealed.ciphertext as Buffer));
    const [opened] = await kms.decrypt({
      name,
      ciphertext: sealed.ciphertext!,
      ciphertextCrc32c: { value: crc32c(sealed.ciphertext as Buffer) },
      additionalAuthenticatedData: bytes('tenant'),
    });
    expect(Buffer.from(opened.plaintext as Buffer).toString()).toBe('secret');
    expect(Number(opened.plaintextCrc32c!.value)).toBe(crc32c(bytes('secret')));
    expect(opened.usedPrimary).toBe(true);
  });

  test('empty plaintext and the largest one work, a larger one is refused', async () => {
    const name = await newKey();
    for (const plaintext of [Buffer.alloc(0), Buffer.alloc(65_536, 1)]) {
      const [sealed] = await kms.encrypt({ name, plaintext });
      const [opened] = await kms.decrypt({ name, ciphertext: sealed.ciphertext! });
      expect(Buffer.from(opened.plaintext as Buffer).equals(plaintext)).toBe(true);
    }
    expect(await codeOf(kms.encrypt({ name, plaintext: Buffer.alloc(65_537) }))).toBe(grpc.status.INVALID_ARGUMENT);
    expect(await codeOf(kms.encrypt({ name, plaintext: bytes('x'), additionalAuthenticatedData: Buffer.alloc(65_537) }))).toBe(
      grpc.status.INVALID_ARGUMENT,
    );
  });

  test('wrong additional data, a wrong key, a damaged ciphertext and wrong checksums are INVALID_ARGUMENT', async () => {
    const [name, other] = [await newKey(), await newKey()];
    const [{ ciphertext }] = (await kms.encrypt({ name, plaintext: bytes('x'), additionalAuthenticatedData: bytes('a') })) as unknown as [
      { ciphertext: Buffer },
    ];
    const damaged = Buffer.from(ciphertext);
    damaged[damaged.length - 1]! ^= 1;
    const calls = [
      kms.decrypt({ name, ciphertext, additionalAuthenticatedData: bytes('b') }),
      kms.decrypt({ name, ciphertext }),
      kms.decrypt({ name: other, ciphertext, additionalAuthenticatedData: bytes('a') }),
      kms.decrypt({ name, ciphertext: damaged, additionalAuthenticatedData: bytes('a') }),
      kms.decrypt({ name, ciphertext: bytes('nonsense') }),
      kms.decrypt({ name, ciphertext, ciphertextCrc32c: { value: 1 }, additionalAuthenticatedData: bytes('a') }),
      kms.encrypt({ name, plaintext: bytes('x'), plaintextCrc32c: { value: 1 } }),
      kms.encrypt({
        name,
        plaintext: bytes('x'),
        additionalAuthenticatedData: bytes('a'),
        additionalAuthenticatedDataCrc32c: { value: 1 },
      }),
    ];
    expect(await Promise.all(calls.map(codeOf))).toEqual(calls.map(() => grpc.status.INVALID_ARGUMENT));
    expect(await codeOf(kms.encrypt({ name: `${ring}/cryptoKeys/nobody`, plaintext: bytes('x') }))).toBe(grpc.status.NOT_FOUND);
  });

  test('a new primary encrypts, the old version still decrypts and says it is not primary', async () => {
    const name = await newKey();
    const [old] = await kms.encrypt({ name, plaintext: bytes('old') });
    await kms.createCryptoKeyVersion({ parent: name, cryptoKeyVersion: {} });
    await kms.updateCryptoKeyPrimaryVersion({ name, cryptoKeyVersionId: '2' });
    const [fresh] = await kms.encrypt({ name, plaintext: bytes('new') });
    expect(fresh.name).toBe(`${name}/cryptoKeyVersions/2`);
    const [opened] = await kms.decrypt({ name, ciphertext: old.ciphertext! });
    expect([Buffer.from(opened.plaintext as Buffer).toString(), opened.usedPrimary]).toEqual(['old', false]);
  });

  test('a disabled or destroyed version refuses, an enabled or restored one works again', async () => {
    const name = await newKey();
    const version = `${name}/cryptoKeyVersions/1`;
    const [{ ciphertext }] = (await kms.encrypt({ name, plaintext: bytes('x') })) as unknown as [{ ciphertext: Buffer }];
    const set = (state: 'ENABLED' | 'DISABLED') =>
      kms.updateCryptoKeyVersion({ cryptoKeyVersion: { name: version, state }, updateMask: { paths: ['state'] } });
    await set('DISABLED');
    expect(await codeOf(kms.encrypt({ name, plaintext: bytes('x') }))).toBe(grpc.status.FAILED_PRECONDITION);
    expect(await codeOf(kms.decrypt({ name, ciphertext }))).toBe(grpc.status.FAILED_PRECONDITION);
    await set('ENABLED');
    expect(await codeOf(kms.decrypt({ name, ciphertext }))).toBe(0);
    const [destroyed] = await kms.destroyCryptoKeyVersion({ name: version });
    expect(destroyed.state).toBe('DESTROY_SCHEDULED');
    expect(await codeOf(kms.decrypt({ name, ciphertext }))).toBe(grpc.status.FAILED_PRECONDITION);
    const [restored] = await kms.restoreCryptoKeyVersion({ name: version });
    expect(restored.state).toBe('DISABLED');
    await set('ENABLED');
    expect(await codeOf(kms.decrypt({ name, ciphertext }))).toBe(0);
  });

  test('rings, keys and versions are listed and named uniquely; bad requests are refused by name', async () => {
    const name = await newKey({ labels: { team: 'a' } });
    expect((await kms.listKeyRings({ parent: GLOBAL }))[0].map((r) => r.name)).toContain(ring);
    expect((await kms.listCryptoKeys({ parent: ring }))[0].map((k) => k.name)).toContain(name);
    expect((await kms.listCryptoKeyVersions({ parent: name }))[0].map((v) => v.state)).toEqual(['ENABLED']);
    expect((await kms.getCryptoKey({ name }))[0]).toMatchObject({
      labels: { team: 'a' },
      primary: { name: `${name}/cryptoKeyVersions/1` },
    });
    expect(await codeOf(kms.createKeyRing({ parent: GLOBAL, keyRingId: 'ring' }))).toBe(grpc.status.ALREADY_EXISTS);
    expect(await codeOf(kms.createKeyRing({ parent: GLOBAL, keyRingId: 'no spaces' }))).toBe(grpc.status.INVALID_ARGUMENT);
    expect(await codeOf(kms.createCryptoKey({ parent: ring, cryptoKeyId: 'x', cryptoKey: {} }))).toBe(grpc.status.INVALID_ARGUMENT);
    expect(await codeOf(kms.createCryptoKey({ parent: ring, cryptoKeyId: 'sign', cryptoKey: { purpose: 'ASYMMETRIC_SIGN' } }))).toBe(
      grpc.status.UNIMPLEMENTED,
    );
    expect(
      await codeOf(
        kms.createCryptoKey({
          parent: ring,
          cryptoKeyId: 'rot',
          cryptoKey: { purpose: 'ENCRYPT_DECRYPT', rotationPeriod: { seconds: 60 } },
        }),
      ),
    ).toBe(grpc.status.INVALID_ARGUMENT);
  });

  test('a flipped bit on the way is seen by the checksum', async () => {
    const name = await newKey();
    await cloud.control('PUT', '/__control/faults', { 'kms.corrupt': { times: 1 } });
    const [sealed] = await kms.encrypt({ name, plaintext: bytes('x') });
    expect(Number(sealed.ciphertextCrc32c!.value)).not.toBe(crc32c(sealed.ciphertext as Buffer));
    const faults = (await cloud.control('GET', '/__control/faults')) as Record<string, { fired: number }>;
    expect(faults['kms.corrupt']!.fired).toBe(1);
  });

  test('faults strike before anything is done, and are counted', async () => {
    const name = await newKey();
    await cloud.control('PUT', '/__control/faults', { 'kms.unavailable': { times: 1 }, 'kms.slow': { times: 1, delayMs: 50 } });
    const once = { retry: null } as object;
    expect(await codeOf(kms.encrypt({ name, plaintext: bytes('x') }, once))).toBe(grpc.status.UNAVAILABLE);
    expect(await codeOf(kms.encrypt({ name, plaintext: bytes('x') }, once))).toBe(0);
    const faults = (await cloud.control('GET', '/__control/faults')) as Record<string, { fired: number }>;
    expect([faults['kms.unavailable']!.fired, faults['kms.slow']!.fired]).toEqual([1, 1]);
  });

  test('keys survive kill -9, and their file is for its owner only', async () => {
    const name = await newKey();
    const [{ ciphertext }] = (await kms.encrypt({ name, plaintext: bytes('kept') })) as unknown as [{ ciphertext: Buffer }];
    await cloud.kill();
    await cloud.start();
    await kms.close();
    kms = connect();
    const [opened] = await kms.decrypt({ name, ciphertext });
    expect(Buffer.from(opened.plaintext as Buffer).toString()).toBe('kept');
    expect(statSync(join(cloud.dataDir, 'kms-keys.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(cloud.dataDir, 'identity.jwk')).mode & 0o777).toBe(0o600);
  });
});
