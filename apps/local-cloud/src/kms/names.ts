/** Resource names of Cloud KMS. */
import { GrpcRefusal } from '../grpc/refusal.ts';

const LOCATION = 'projects/[^/]{1,100}/locations/[a-z0-9-]{1,63}';
const ID = '[a-zA-Z0-9_-]{1,63}';
const PATTERNS = {
  location: new RegExp(`^${LOCATION}$`),
  ring: new RegExp(`^${LOCATION}/keyRings/${ID}$`),
  key: new RegExp(`^(${LOCATION}/keyRings/${ID}/cryptoKeys/${ID})$`),
  version: new RegExp(`^(${LOCATION}/keyRings/${ID}/cryptoKeys/${ID})/cryptoKeyVersions/([1-9][0-9]{0,8})$`),
  keyOrVersion: new RegExp(`^(${LOCATION}/keyRings/${ID}/cryptoKeys/${ID})(?:/cryptoKeyVersions/([1-9][0-9]{0,8}))?$`),
};

export function checkName(kind: keyof typeof PATTERNS, name: string | undefined): { name: string; key: string; version: number | null } {
  const match = PATTERNS[kind].exec(name ?? '');
  if (match === null) {
    throw new GrpcRefusal('INVALID_ARGUMENT', `The resource name "${name ?? ''}" is not a valid ${kind} name.`);
  }
  return { name: match[0], key: match[1] ?? '', version: match[2] === undefined ? null : Number(match[2]) };
}

export function checkId(field: string, id: string | undefined): string {
  if (!new RegExp(`^${ID}$`).test(id ?? '')) {
    throw new GrpcRefusal('INVALID_ARGUMENT', `${field} "${id ?? ''}" does not match the expression [a-zA-Z0-9_-]{1,63}.`);
  }
  return id!;
}
