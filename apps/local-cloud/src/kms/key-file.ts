/**
 * The one file that holds key rings, keys and key material.
 *
 * 1. Mode 600, always; written to a neighbour first, flushed, then renamed, so it is never half there.
 */
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export type VersionState = 'ENABLED' | 'DISABLED' | 'DESTROY_SCHEDULED' | 'DESTROYED';

export interface KeyVersion {
  readonly number: number;
  readonly createdMs: number;
  state: VersionState;
  /** base64; gone once destroyed. */
  material: string | null;
  destroyMs?: number;
  destroyedMs?: number;
}
export interface CryptoKey {
  readonly name: string;
  readonly createdMs: number;
  labels: Record<string, string>;
  primary: number | null;
  rotationSeconds: number | null;
  nextRotationMs: number | null;
  readonly destroyAfterSeconds: number;
  readonly versions: KeyVersion[];
}
export interface KeyRing {
  readonly name: string;
  readonly createdMs: number;
}
export interface KeyFileContent {
  readonly keyRings: KeyRing[];
  readonly cryptoKeys: CryptoKey[];
}

export function readKeyFile(path: string): KeyFileContent {
  if (!existsSync(path)) {
    return { keyRings: [], cryptoKeys: [] };
  }
  chmodSync(path, 0o600);
  return JSON.parse(readFileSync(path, 'utf8')) as KeyFileContent;
}

export function writeKeyFile(path: string, content: KeyFileContent): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.draft`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, JSON.stringify(content));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(draft, 0o600);
  renameSync(draft, path);
}
