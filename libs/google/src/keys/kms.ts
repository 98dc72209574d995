/**
 * Wraps and unwraps data keys by Cloud KMS.
 *
 * 1. A checksum goes along with everything that is sent and is compared for everything that comes back; a mismatch is tried again
 * and then fails. 2. The answer must come from the key that was asked.
 */
import { Transient } from '@convergence/contracts';
import type { KeyManagementServiceClient } from '@google-cloud/kms';
import { mayRetry } from '../grpc-errors.ts';
import { crc32c } from './crc32c.ts';

export interface Kms {
  wrap(key: string, plaintext: Buffer, bound: Buffer): Promise<Buffer>;
  unwrap(key: string, wrapped: Buffer, bound: Buffer): Promise<Buffer>;
}
class Corrupted extends Error {
  override readonly name = 'Corrupted';
}
const TRIES = 3;
/** Somebody waits: better an early no than the client's minute of retries. */
const PATIENCE = {
  retry: {
    retryCodes: [4, 14],
    backoffSettings: {
      initialRetryDelayMillis: 50,
      retryDelayMultiplier: 2,
      maxRetryDelayMillis: 1_000,
      initialRpcTimeoutMillis: 3_000,
      rpcTimeoutMultiplier: 1,
      maxRpcTimeoutMillis: 3_000,
      totalTimeoutMillis: 5_000,
    },
  },
};

export function kms(client: () => KeyManagementServiceClient): Kms {
  async function trying<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (cause) {
        if (cause instanceof Corrupted) {
          if (attempt === TRIES) throw new Transient('what came from KMS was damaged on its way', { cause });
        } else if (mayRetry(cause)) throw new Transient('KMS does not answer', { cause });
        else throw cause;
      }
    }
  }
  const check = (truth: boolean, what: string) => {
    if (!truth) throw new Corrupted(what);
  };
  const same = (sum: { value?: unknown } | null | undefined, bytes: Uint8Array) => Number(sum?.value ?? -1) === crc32c(bytes);

  return {
    wrap: (key, plaintext, bound) =>
      trying(async () => {
        const [answer] = await client().encrypt(
          {
            name: key,
            plaintext,
            plaintextCrc32c: { value: crc32c(plaintext) },
            additionalAuthenticatedData: bound,
            additionalAuthenticatedDataCrc32c: { value: crc32c(bound) },
          },
          PATIENCE,
        );
        const ciphertext = Buffer.from(answer.ciphertext as Uint8Array);
        check(answer.verifiedPlaintextCrc32c === true, 'KMS saw other plaintext');
        check(answer.verifiedAdditionalAuthenticatedDataCrc32c === true, 'KMS saw other additional data');
        check(same(answer.ciphertextCrc32c, ciphertext), 'other ciphertext arrived');
        check(answer.name?.startsWith(`${key}/cryptoKeyVersions/`) === true, 'another key answered');
        return ciphertext;
      }),
    unwrap: (key, wrapped, bound) =>
      trying(async () => {
        const [answer] = await client().decrypt(
          {
            name: key,
            ciphertext: wrapped,
            ciphertextCrc32c: { value: crc32c(wrapped) },
            additionalAuthenticatedData: bound,
            additionalAuthenticatedDataCrc32c: { value: crc32c(bound) },
          },
          PATIENCE,
        );
        const plaintext = Buffer.from(answer.plaintext as Uint8Array);
        check(same(answer.plaintextCrc32c, plaintext), 'other plaintext arrived');
        return plaintext;
      }),
  };
}
