import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Keys } from '@convergence/ports';

/** Seals for real, with a key that lives in this process: a value opens only for the tenant and record it was sealed for. */
export function fakeKeys(): Keys {
  const key = randomBytes(32);
  const bindingOf = (purpose: string, bound: { tenantId: string; recordId: string }) =>
    Buffer.from(`${purpose}|${bound.tenantId}|${bound.recordId}`);
  return {
    async seal(purpose, bound, plaintext) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(bindingOf(purpose, bound));
      const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return `fake.${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')}`;
    },
    async open(purpose, bound, sealed) {
      const bytes = Buffer.from(sealed.slice('fake.'.length), 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
        .setAAD(bindingOf(purpose, bound))
        .setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
    },
    async check() {},
    async close() {},
  };
}
