/**
 * The ciphertext of a symmetric key: `version(1) | key version(4) | iv(12) | tag(16) | AES-256-GCM`.
 * The name of the key is authenticated too, so a ciphertext of one key never opens with another, even of equal material.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const FORMAT = 0x0a;
const HEADER = 1 + 4 + 12 + 16;

export function seal(keyName: string, versionNumber: number, material: Buffer, plaintext: Uint8Array, additional: Uint8Array): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', material, iv);
  cipher.setAAD(additionalData(keyName, versionNumber, additional));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const head = Buffer.alloc(5);
  head[0] = FORMAT;
  head.writeUInt32BE(versionNumber, 1);
  return Buffer.concat([head, iv, cipher.getAuthTag(), body]);
}

/** Which version sealed it; undefined when it is no ciphertext of ours at all. */
export function versionOf(ciphertext: Buffer): number | undefined {
  return ciphertext.length >= HEADER && ciphertext[0] === FORMAT ? ciphertext.readUInt32BE(1) : undefined;
}

/** Undefined when key, additional data or ciphertext do not belong together. */
export function open(
  keyName: string,
  versionNumber: number,
  material: Buffer,
  ciphertext: Buffer,
  additional: Uint8Array,
): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', material, ciphertext.subarray(5, 17));
  decipher.setAuthTag(ciphertext.subarray(17, HEADER));
  decipher.setAAD(additionalData(keyName, versionNumber, additional));
  try {
    return Buffer.concat([decipher.update(ciphertext.subarray(HEADER)), decipher.final()]);
  } catch {
    return undefined;
  }
}

function additionalData(keyName: string, versionNumber: number, additional: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${keyName}\n${versionNumber}\n`), additional]);
}
