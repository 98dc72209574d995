/**
 * Key rings, keys and versions: what exists and what may be done with it. Time comes in as an argument; no wire, no files.
 *
 * 1. Only an ENABLED version encrypts or decrypts; a DESTROYED one has no material left.
 * 2. Rotation makes a new primary; older versions keep decrypting until they are disabled or destroyed.
 * 3. Names are unique for ever: key rings and keys cannot be deleted.
 */
import { randomBytes } from 'node:crypto';
import { GrpcRefusal } from '../grpc/refusal.ts';
import type { CryptoKey, KeyFileContent, KeyRing, KeyVersion } from './key-file.ts';

export const DEFAULT_DESTROY_SECONDS = 30 * 86_400;

export class Keys {
  readonly content: KeyFileContent;
  readonly #save: () => void;
  readonly #rings = new Map<string, KeyRing>();
  readonly #keys = new Map<string, CryptoKey>();

  constructor(content: KeyFileContent, save: (content: KeyFileContent) => void) {
    this.content = content;
    this.#save = () => save(content);
    for (const ring of content.keyRings) {
      this.#rings.set(ring.name, ring);
    }
    for (const key of content.cryptoKeys) {
      this.#keys.set(key.name, key);
    }
  }

  rings(): Iterable<KeyRing> {
    return this.#rings.values();
  }

  keys(): Iterable<CryptoKey> {
    return this.#keys.values();
  }

  ring(name: string): KeyRing {
    const ring = this.#rings.get(name);
    if (ring === undefined) {
      throw new GrpcRefusal('NOT_FOUND', `KeyRing ${name} not found.`);
    }
    return ring;
  }

  key(name: string): CryptoKey {
    const key = this.#keys.get(name);
    if (key === undefined) {
      throw new GrpcRefusal('NOT_FOUND', `CryptoKey ${name} not found.`);
    }
    return key;
  }

  version(key: CryptoKey, number: number): KeyVersion {
    const version = key.versions[number - 1];
    if (version === undefined) {
      throw new GrpcRefusal('NOT_FOUND', `CryptoKeyVersion ${versionName(key, number)} not found.`);
    }
    return version;
  }

  createRing(name: string, now: number): KeyRing {
    if (this.#rings.has(name)) {
      throw new GrpcRefusal('ALREADY_EXISTS', `KeyRing ${name} already exists.`);
    }
    const ring = { name, createdMs: now };
    this.content.keyRings.push(ring);
    this.#rings.set(name, ring);
    this.#save();
    return ring;
  }

  createKey(
    name: string,
    options: {
      readonly labels: Record<string, string>;
      readonly rotationSeconds: number | null;
      readonly nextRotationMs: number | null;
      readonly destroyAfterSeconds: number;
      readonly skipInitialVersion: boolean;
    },
    now: number,
  ): CryptoKey {
    this.ring(name.split('/cryptoKeys/')[0]!);
    if (this.#keys.has(name)) {
      throw new GrpcRefusal('ALREADY_EXISTS', `CryptoKey ${name} already exists.`);
    }
    const { skipInitialVersion, ...rest } = options;
    const key: CryptoKey = { name, createdMs: now, primary: null, versions: [], ...rest };
    if (!skipInitialVersion) {
      addVersion(key, now);
      key.primary = 1;
    }
    this.content.cryptoKeys.push(key);
    this.#keys.set(name, key);
    this.#save();
    return key;
  }

  /** A further version, not yet primary. */
  createVersion(key: CryptoKey, now: number): KeyVersion {
    const version = addVersion(key, now);
    this.#save();
    return version;
  }

  update(key: CryptoKey, change: Partial<Pick<CryptoKey, 'labels' | 'rotationSeconds' | 'nextRotationMs' | 'primary'>>): void {
    Object.assign(key, change);
    this.#save();
  }

  setEnabled(key: CryptoKey, version: KeyVersion, enabled: boolean): void {
    if (version.state !== 'ENABLED' && version.state !== 'DISABLED') {
      throw wrongState(key, version, enabled ? 'enabled' : 'disabled');
    }
    version.state = enabled ? 'ENABLED' : 'DISABLED';
    this.#save();
  }

  scheduleDestruction(key: CryptoKey, version: KeyVersion, now: number): void {
    if (version.state !== 'ENABLED' && version.state !== 'DISABLED') {
      throw wrongState(key, version, 'destroyed');
    }
    version.state = 'DESTROY_SCHEDULED';
    version.destroyMs = now + key.destroyAfterSeconds * 1000;
    this.#save();
  }

  restore(key: CryptoKey, version: KeyVersion): void {
    if (version.state !== 'DESTROY_SCHEDULED') {
      throw wrongState(key, version, 'restored');
    }
    version.state = 'DISABLED';
    delete version.destroyMs;
    this.#save();
  }

  /** What time alone does: rotations that are due, destructions whose waiting time is over. */
  pass(now: number): void {
    let changed = false;
    for (const key of this.#keys.values()) {
      for (const version of key.versions) {
        if (version.state === 'DESTROY_SCHEDULED' && version.destroyMs! <= now) {
          Object.assign(version, { state: 'DESTROYED', material: null, destroyedMs: version.destroyMs });
          changed = true;
        }
      }
      if (key.rotationSeconds !== null && key.nextRotationMs !== null && key.nextRotationMs <= now) {
        key.primary = addVersion(key, now).number;
        const periods = Math.floor((now - key.nextRotationMs) / (key.rotationSeconds * 1000)) + 1;
        key.nextRotationMs += periods * key.rotationSeconds * 1000;
        changed = true;
      }
    }
    if (changed) {
      this.#save();
    }
  }

  /** The material of a version that may be used now. */
  material(key: CryptoKey, version: KeyVersion): Buffer {
    if (version.state !== 'ENABLED' || version.material === null) {
      throw new GrpcRefusal(
        'FAILED_PRECONDITION',
        `${versionName(key, version.number)} is not enabled, current state is: ${version.state}.`,
      );
    }
    return Buffer.from(version.material, 'base64');
  }
}

export function versionName(key: CryptoKey, number: number): string {
  return `${key.name}/cryptoKeyVersions/${number}`;
}

function addVersion(key: CryptoKey, now: number): KeyVersion {
  const version: KeyVersion = {
    number: key.versions.length + 1,
    createdMs: now,
    state: 'ENABLED',
    material: randomBytes(32).toString('base64'),
  };
  key.versions.push(version);
  return version;
}

function wrongState(key: CryptoKey, version: KeyVersion, verb: string): GrpcRefusal {
  return new GrpcRefusal(
    'FAILED_PRECONDITION',
    `${versionName(key, version.number)} cannot be ${verb}, current state is: ${version.state}.`,
  );
}
