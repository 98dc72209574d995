import { randomUUID } from 'node:crypto';

const SAFE = /^[A-Za-z0-9._:-]{8,64}$/;

/** The caller's own id when it is a harmless text, else a fresh one: it goes into headers and logs. */
export const requestId = (given: string): string => (SAFE.test(given) ? given : randomUUID());
