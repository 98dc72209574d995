/**
 * The one file that holds key rings, keys and key material.
 *
 * 1. Mode 600, always; written to a neighbour first, flushed, then renamed, so it is never half there, not even after a power cut.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
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
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const draft = `${path}.draft`;
  flushed(draft, 'w', (file) => {
    // A draft that a dead process left keeps its mode; nothing is written before it is ours alone.
    fchmodSync(file, 0o600);
    writeFileSync(file, JSON.stringify(content));
  });
  renameSync(draft, path);
  // The new name is on disk only when the folder is.
  flushed(folder, 'r', () => {});
}

function flushed(path: string, flags: 'w' | 'r', work: (file: number) => void): void {
  const file = openSync(path, flags, 0o600);
  try {
    work(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
