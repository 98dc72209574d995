/**
 * Envelope encryption. A sealed value is text: `v1.{wrapped data key}.{iv, tag, ciphertext}`, base64url.
 *
 * 1. AES-256-GCM with a fresh IV each time; tenant and record are additional data, so a value moved to another row does not open.
 * 2. The data key is wrapped by KMS with the tenant as additional data, and travels with the value: nothing else must be kept.
 * 3. A value that does not open says nothing about why.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Transient } from '@convergence/contracts';
import type { Keys } from '@convergence/ports';
import type { KeyManagementServiceClient } from '@google-cloud/kms';
import { kmsClients } from '../clients.ts';
import { type GoogleConfig, grpcOptions } from '../endpoints.ts';
import { isAlreadyExists } from '../grpc-errors.ts';
import { dataKeys } from './data-keys.ts';
import { kms } from './kms.ts';

export type Purpose = Parameters<Keys['seal']>[0];
export interface KeysOptions {
  /** Full names of the key-encryption keys: `projects/p/locations/l/keyRings/r/cryptoKeys/k`. */
  readonly keks: Readonly<Record<Purpose, string>>;
  readonly ttlSeconds?: number;
  readonly capacity?: number;
  readonly now?: () => number;
}
export interface GoogleKeys extends Keys {
  /** Makes rings and keys that are missing; names of those made now. */
  provision(): Promise<readonly string[]>;
}
const VERSION = 'v1';
const NAME = /^(projects\/[^/]+\/locations\/[^/]+)\/keyRings\/([^/]+)\/cryptoKeys\/([^/]+)$/;
const NINETY_DAYS = 90 * 86_400;

/** Names of the keys, unless a deployment says others. */
export const defaultKeks = (config: GoogleConfig): Record<Purpose, string> => {
  const ring = `projects/${config.project}/locations/${config.kmsLocation ?? 'global'}/keyRings/convergence`;
  return { 'api-keys': `${ring}/cryptoKeys/api-keys`, credentials: `${ring}/cryptoKeys/credentials` };
};

export function googleKeys(config: GoogleConfig, options: KeysOptions): GoogleKeys {
  let opened: KeyManagementServiceClient | undefined;
  const client = () => {
    opened ??= new (kmsClients().KeyManagementServiceClient)(grpcOptions(config, 'kms'));
    return opened;
  };
  const keys = dataKeys(kms(client), {
    ttlMilliseconds: (options.ttlSeconds ?? 600) * 1000,
    capacity: options.capacity ?? 10_000,
    now: options.now ?? Date.now,
  });
  const bytesOf = (bound: { readonly tenantId: string; readonly recordId: string }) =>
    Buffer.from(`${VERSION}|${bound.tenantId}|${bound.recordId}`);

  return {
    async seal(purpose, bound, plaintext) {
      const { plain, wrapped } = await keys.forSealing(options.keks[purpose], bound.tenantId);
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', plain, iv).setAAD(bytesOf(bound));
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      const body = Buffer.concat([iv, cipher.getAuthTag(), ciphertext]);
      return `${VERSION}.${wrapped.toString('base64url')}.${body.toString('base64url')}`;
    },
    async open(purpose, bound, sealed) {
      const [version, wrapped, text, ...rest] = sealed.split('.');
      if (version !== VERSION || !wrapped || !text || rest.length > 0) throw new Error('not a sealed value');
      const body = Buffer.from(text, 'base64url');
      if (body.length < 28) throw new Error('not a sealed value');
      try {
        const { plain } = await keys.forOpening(options.keks[purpose], bound.tenantId, Buffer.from(wrapped, 'base64url'));
        const decipher = createDecipheriv('aes-256-gcm', plain, body.subarray(0, 12))
          .setAAD(bytesOf(bound))
          .setAuthTag(body.subarray(12, 28));
        return Buffer.concat([decipher.update(body.subarray(28)), decipher.final()]);
      } catch (cause) {
        if (cause instanceof Transient) throw cause;
        throw new Error('the sealed value does not open', { cause });
      }
    },
    async check() {
      try {
        await client().getCryptoKey({ name: options.keks.credentials }, { timeout: 3_000 });
      } catch (cause) {
        throw new Transient('KMS does not answer', { cause });
      }
    },
    async close() {
      keys.clear();
      await opened?.close();
    },
    async provision() {
      const created: string[] = [];
      const note = async (name: string, making: Promise<unknown>) => {
        try {
          await making;
          created.push(name);
        } catch (cause) {
          if (!isAlreadyExists(cause)) throw cause;
        }
      };
      for (const kek of new Set(Object.values(options.keks))) {
        const [, parent, ring, key] = NAME.exec(kek) ?? [];
        if (!parent || !ring || !key) throw new TypeError(`not the name of a KMS key: ${kek}`);
        await note(`key ring ${ring}`, client().createKeyRing({ parent, keyRingId: ring, keyRing: {} }));
        const cryptoKey = {
          purpose: 'ENCRYPT_DECRYPT' as const,
          rotationPeriod: { seconds: NINETY_DAYS },
          nextRotationTime: { seconds: Math.floor(Date.now() / 1000) + NINETY_DAYS },
        };
        await note(`key ${key}`, client().createCryptoKey({ parent: `${parent}/keyRings/${ring}`, cryptoKeyId: key, cryptoKey }));
      }
      return created;
    },
  };
}
