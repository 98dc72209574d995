import { hash, timingSafeEqual } from 'node:crypto';

/** SHA-256: what of a secret is kept, sent and compared. */
export const digest = (secret: string): Buffer => hash('sha256', secret, 'buffer');

/** Takes the same time wherever the two differ. Both are digests, so their length says nothing. */
export const sameDigest = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);
