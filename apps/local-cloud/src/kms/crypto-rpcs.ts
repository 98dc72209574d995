/** Encrypt, Decrypt and GenerateRandomBytes, with checksums both ways. */
import { randomBytes } from 'node:crypto';
import type { Control } from '../control/index.ts';
import { GrpcRefusal } from '../grpc/refusal.ts';
import type { Unary } from '../grpc/server.ts';
import { open, seal, versionOf } from './cipher.ts';
import { crc32c } from './crc32c.ts';
import { type Keys, versionName } from './keys.ts';
import { checkName } from './names.ts';

const MAX_BYTES = 64 * 1024;
/** The service adds a header, tag and key ids to what it seals. */
const MAX_CIPHERTEXT = 10 * 64 * 1024;

interface Checksum {
  readonly value?: number;
}
interface EncryptRequest {
  readonly name?: string;
  readonly plaintext?: Buffer;
  readonly additionalAuthenticatedData?: Buffer;
  readonly plaintextCrc32c?: Checksum | null;
  readonly additionalAuthenticatedDataCrc32c?: Checksum | null;
}
interface DecryptRequest {
  readonly name?: string;
  readonly ciphertext?: Buffer;
  readonly additionalAuthenticatedData?: Buffer;
  readonly ciphertextCrc32c?: Checksum | null;
  readonly additionalAuthenticatedDataCrc32c?: Checksum | null;
}
const EMPTY = Buffer.alloc(0);

export function cryptoRpcs(keys: Keys, control: Control): Record<string, Unary> {
  const before = async (): Promise<void> => {
    if (control.faults.at('kms.unavailable')) {
      throw new GrpcRefusal('UNAVAILABLE', 'The service is currently unavailable.');
    }
    const slow = control.faults.at('kms.slow');
    if (slow) {
      await control.clock.sleep(slow.delayMs);
    }
    keys.pass(control.clock.now());
  };

  return {
    Encrypt: async (request: EncryptRequest) => {
      const plaintext = limited('plaintext', request.plaintext ?? EMPTY, MAX_BYTES);
      const additional = limited('additional_authenticated_data', request.additionalAuthenticatedData ?? EMPTY, MAX_BYTES);
      await before();
      const { key: keyName, version: asked } = checkName('keyOrVersion', request.name);
      const key = keys.key(keyName);
      const number = asked ?? key.primary;
      if (number === null) {
        throw new GrpcRefusal('FAILED_PRECONDITION', `CryptoKey ${key.name} has no primary version.`);
      }
      const material = keys.material(key, keys.version(key, number));
      verify('plaintext', plaintext, request.plaintextCrc32c);
      verify('additional_authenticated_data', additional, request.additionalAuthenticatedDataCrc32c);
      const ciphertext = seal(key.name, number, material, plaintext, additional);
      control.stats.count({ product: 'kms', resource: key.name }, { encrypts: 1 });
      return {
        name: versionName(key, number),
        ciphertext: control.faults.at('kms.corrupt') ? corrupt(ciphertext) : ciphertext,
        ciphertextCrc32c: { value: crc32c(ciphertext) },
        verifiedPlaintextCrc32c: Boolean(request.plaintextCrc32c),
        verifiedAdditionalAuthenticatedDataCrc32c: Boolean(request.additionalAuthenticatedDataCrc32c),
        protectionLevel: 'SOFTWARE',
      };
    },

    Decrypt: async (request: DecryptRequest) => {
      const ciphertext = limited('ciphertext', request.ciphertext ?? EMPTY, MAX_CIPHERTEXT);
      const additional = limited('additional_authenticated_data', request.additionalAuthenticatedData ?? EMPTY, MAX_BYTES);
      await before();
      const { key: keyName } = checkName('key', request.name);
      const key = keys.key(keyName);
      verify('ciphertext', ciphertext, request.ciphertextCrc32c);
      verify('additional_authenticated_data', additional, request.additionalAuthenticatedDataCrc32c);
      const number = versionOf(ciphertext);
      const version = number === undefined ? undefined : key.versions[number - 1];
      if (number === undefined || version === undefined) {
        throw invalidCiphertext();
      }
      const plaintext = open(key.name, number, keys.material(key, version), ciphertext, additional);
      if (plaintext === undefined) {
        throw invalidCiphertext();
      }
      control.stats.count({ product: 'kms', resource: key.name }, { decrypts: 1 });
      return {
        plaintext: control.faults.at('kms.corrupt') ? corrupt(plaintext) : plaintext,
        plaintextCrc32c: { value: crc32c(plaintext) },
        usedPrimary: number === key.primary,
        protectionLevel: 'SOFTWARE',
      };
    },

    GenerateRandomBytes: async (request: { location?: string; lengthBytes?: number }) => {
      await before();
      checkName('location', request.location);
      const length = request.lengthBytes ?? 0;
      if (length < 8 || length > 1024) {
        throw new GrpcRefusal('INVALID_ARGUMENT', `length_bytes must be between 8 and 1024, but was ${length}.`);
      }
      const data = randomBytes(length);
      return { data, dataCrc32c: { value: crc32c(data) } };
    },
  };
}

function verify(field: string, bytes: Uint8Array, checksum: Checksum | null | undefined): void {
  if (checksum && (checksum.value ?? 0) !== crc32c(bytes)) {
    throw new GrpcRefusal('INVALID_ARGUMENT', `The checksum in field ${field}_crc32c did not match the data in field ${field}.`);
  }
}

function limited(field: string, bytes: Buffer, max: number): Buffer {
  if (bytes.length > max) {
    throw new GrpcRefusal('INVALID_ARGUMENT', `${field} is too large: ${bytes.length} bytes, at most ${max} are allowed.`);
  }
  return bytes;
}

/** Google says the same for a wrong key, wrong additional data and a damaged ciphertext. */
function invalidCiphertext(): GrpcRefusal {
  return new GrpcRefusal('INVALID_ARGUMENT', 'Decryption failed: the ciphertext is invalid.');
}

function corrupt(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
}
