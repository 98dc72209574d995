/** Hashes and encodings. */
import { type FunctionSpec, scalar } from './call.ts';

const hash = (name: string, algorithm: string): FunctionSpec =>
  scalar(name, ['STRING -> BYTES', `gs_hash(encode($1), '${algorithm}')`], ['BYTES -> BYTES', `gs_hash($1, '${algorithm}')`]);

export const hashFunctions: readonly FunctionSpec[] = [
  hash('MD5', 'md5'),
  hash('SHA1', 'sha1'),
  hash('SHA256', 'sha256'),
  hash('SHA512', 'sha512'),
  scalar('FARM_FINGERPRINT', ['STRING -> INT64', 'gs_farm(encode($1))'], ['BYTES -> INT64', 'gs_farm($1)']),
  scalar('TO_HEX', ['BYTES -> STRING', 'lower(hex($1))']),
  scalar('FROM_HEX', ['STRING -> BYTES', 'gs_from_hex($1)']),
  scalar('TO_BASE64', ['BYTES -> STRING', 'base64($1)']),
  scalar('FROM_BASE64', ['STRING -> BYTES', 'gs_from_base64($1)']),
  scalar('TO_BASE32', ['BYTES -> STRING', 'gs_to_base32($1)']),
  scalar('FROM_BASE32', ['STRING -> BYTES', 'gs_from_base32($1)']),
  scalar('SAFE_CONVERT_BYTES_TO_STRING', ['BYTES -> STRING', 'gs_bytes_text_safe($1)']),
];
