/** The KMS RPCs that manage key rings, keys and versions. */
import type { Control } from '../control/index.ts';
import { GrpcRefusal } from '../grpc/refusal.ts';
import type { Unary } from '../grpc/server.ts';
import type { CryptoKey, KeyRing, KeyVersion } from './key-file.ts';
import { DEFAULT_DESTROY_SECONDS, type Keys, versionName } from './keys.ts';
import { checkId, checkName } from './names.ts';

const DAY = 86_400;
const SYMMETRIC = 'GOOGLE_SYMMETRIC_ENCRYPTION';

interface Timestamp {
  readonly seconds?: number;
  readonly nanos?: number;
}
interface KeyBody {
  readonly name?: string;
  readonly purpose?: string;
  readonly labels?: Record<string, string>;
  readonly rotationPeriod?: Timestamp | null;
  readonly nextRotationTime?: Timestamp | null;
  readonly destroyScheduledDuration?: Timestamp | null;
  readonly versionTemplate?: { readonly algorithm?: string; readonly protectionLevel?: string } | null;
  readonly importOnly?: boolean;
}
interface Mask {
  readonly paths?: readonly string[];
}
interface Paged {
  readonly parent?: string;
  readonly pageSize?: number;
  readonly pageToken?: string;
}

export function adminRpcs(keys: Keys, control: Control): Record<string, Unary> {
  const now = (): number => control.clock.now();
  const fresh = (): void => keys.pass(now());
  const findKey = (kind: 'key' | 'version', name: string | undefined): { key: CryptoKey; number: number | null } => {
    fresh();
    const checked = checkName(kind, name);
    return { key: keys.key(checked.key), number: checked.version };
  };
  const findVersion = (name: string | undefined): { key: CryptoKey; version: KeyVersion } => {
    const { key, number } = findKey('version', name);
    return { key, version: keys.version(key, number!) };
  };

  return {
    CreateKeyRing: (request: { parent?: string; keyRingId?: string }) => {
      const { name } = checkName('location', request.parent);
      return seenRing(keys.createRing(`${name}/keyRings/${checkId('key_ring_id', request.keyRingId)}`, now()));
    },
    GetKeyRing: (request: { name?: string }) => seenRing(keys.ring(checkName('ring', request.name).name)),
    ListKeyRings: (request: Paged) => {
      const { name } = checkName('location', request.parent);
      const mine = [...keys.rings()].filter((ring) => ring.name.startsWith(`${name}/keyRings/`));
      const { items, nextPageToken } = page(mine, request);
      return { keyRings: items.map(seenRing), nextPageToken, totalSize: mine.length };
    },

    CreateCryptoKey: (request: {
      parent?: string;
      cryptoKeyId?: string;
      cryptoKey?: KeyBody | null;
      skipInitialVersionCreation?: boolean;
    }) => {
      const ring = keys.ring(checkName('ring', request.parent).name);
      const body = request.cryptoKey ?? {};
      checkBody(body);
      const rotationSeconds = body.rotationPeriod?.seconds ?? null;
      checkRotation(rotationSeconds, body.nextRotationTime, now());
      return seenKey(
        keys.createKey(
          `${ring.name}/cryptoKeys/${checkId('crypto_key_id', request.cryptoKeyId)}`,
          {
            labels: body.labels ?? {},
            rotationSeconds,
            nextRotationMs: millis(body.nextRotationTime),
            destroyAfterSeconds: body.destroyScheduledDuration?.seconds ?? DEFAULT_DESTROY_SECONDS,
            skipInitialVersion: request.skipInitialVersionCreation ?? false,
          },
          now(),
        ),
      );
    },
    GetCryptoKey: (request: { name?: string }) => seenKey(findKey('key', request.name).key),
    ListCryptoKeys: (request: Paged) => {
      fresh();
      const ring = keys.ring(checkName('ring', request.parent).name);
      const mine = [...keys.keys()].filter((key) => key.name.startsWith(`${ring.name}/cryptoKeys/`));
      const { items, nextPageToken } = page(mine, request);
      return { cryptoKeys: items.map(seenKey), nextPageToken, totalSize: mine.length };
    },
    UpdateCryptoKey: (request: { cryptoKey?: KeyBody | null; updateMask?: Mask }) => {
      const { key } = findKey('key', request.cryptoKey?.name);
      const body = request.cryptoKey ?? {};
      const paths = required(request.updateMask);
      const rotationSeconds = paths.has('rotation_period') ? (body.rotationPeriod?.seconds ?? null) : key.rotationSeconds;
      const nextRotation = paths.has('next_rotation_time') ? millis(body.nextRotationTime) : key.nextRotationMs;
      for (const path of paths) {
        if (!['labels', 'rotation_period', 'next_rotation_time'].includes(path.split('.')[0]!)) {
          throw new GrpcRefusal('INVALID_ARGUMENT', `The field "${path}" cannot be updated.`);
        }
      }
      if (paths.has('rotation_period') || paths.has('next_rotation_time')) {
        checkRotation(rotationSeconds, nextRotation === null ? null : stamp(nextRotation), now());
      }
      keys.update(key, { rotationSeconds, nextRotationMs: nextRotation, ...(paths.has('labels') ? { labels: body.labels ?? {} } : {}) });
      return seenKey(key);
    },

    CreateCryptoKeyVersion: (request: { parent?: string }) => {
      const { key } = findKey('key', request.parent);
      return seenVersion(key, keys.createVersion(key, now()));
    },
    GetCryptoKeyVersion: (request: { name?: string }) => {
      const { key, version } = findVersion(request.name);
      return seenVersion(key, version);
    },
    ListCryptoKeyVersions: (request: Paged) => {
      const { key } = findKey('key', request.parent);
      const mine = key.versions.map((version) => seenVersion(key, version));
      const { items, nextPageToken } = page(mine, request);
      return { cryptoKeyVersions: items, nextPageToken, totalSize: mine.length };
    },
    UpdateCryptoKeyVersion: (request: { cryptoKeyVersion?: { name?: string; state?: string } | null; updateMask?: Mask }) => {
      const { key, version } = findVersion(request.cryptoKeyVersion?.name);
      const state = request.cryptoKeyVersion?.state;
      if (!required(request.updateMask).has('state') || (state !== 'ENABLED' && state !== 'DISABLED')) {
        throw new GrpcRefusal('INVALID_ARGUMENT', 'Only the state of a version can be updated, to ENABLED or DISABLED.');
      }
      keys.setEnabled(key, version, state === 'ENABLED');
      return seenVersion(key, version);
    },
    UpdateCryptoKeyPrimaryVersion: (request: { name?: string; cryptoKeyVersionId?: string }) => {
      const { key } = findKey('key', request.name);
      const version = keys.version(key, Number(request.cryptoKeyVersionId));
      keys.material(key, version);
      keys.update(key, { primary: version.number });
      return seenKey(key);
    },
    DestroyCryptoKeyVersion: (request: { name?: string }) => {
      const { key, version } = findVersion(request.name);
      keys.scheduleDestruction(key, version, now());
      return seenVersion(key, version);
    },
    RestoreCryptoKeyVersion: (request: { name?: string }) => {
      const { key, version } = findVersion(request.name);
      keys.restore(key, version);
      return seenVersion(key, version);
    },
  };
}

function checkBody(body: KeyBody): void {
  if ((body.purpose ?? 'CRYPTO_KEY_PURPOSE_UNSPECIFIED') === 'CRYPTO_KEY_PURPOSE_UNSPECIFIED') {
    throw new GrpcRefusal('INVALID_ARGUMENT', 'crypto_key.purpose is required.');
  }
  const algorithm = body.versionTemplate?.algorithm ?? SYMMETRIC;
  const level = body.versionTemplate?.protectionLevel ?? 'SOFTWARE';
  if (body.purpose !== 'ENCRYPT_DECRYPT' || body.importOnly) {
    throw new GrpcRefusal('UNIMPLEMENTED', `CryptoKey.purpose ${body.purpose} is not part of local-cloud, only ENCRYPT_DECRYPT is.`);
  }
  if (
    ![SYMMETRIC, 'CRYPTO_KEY_VERSION_ALGORITHM_UNSPECIFIED'].includes(algorithm) ||
    !['SOFTWARE', 'PROTECTION_LEVEL_UNSPECIFIED'].includes(level)
  ) {
    throw new GrpcRefusal(
      'UNIMPLEMENTED',
      `${algorithm} with protection level ${level} is not part of local-cloud, only ${SYMMETRIC} in SOFTWARE is.`,
    );
  }
  const destroy = body.destroyScheduledDuration?.seconds;
  if (destroy !== undefined && (destroy < DAY || destroy > 120 * DAY)) {
    throw new GrpcRefusal('INVALID_ARGUMENT', 'destroy_scheduled_duration must be between 24 hours and 120 days.');
  }
}

function checkRotation(periodSeconds: number | null, next: Timestamp | null | undefined, now: number): void {
  if (periodSeconds !== null && (periodSeconds < DAY || periodSeconds > 876_000 * 3600)) {
    throw new GrpcRefusal('INVALID_ARGUMENT', 'rotation_period must be between 24 hours and 876,000 hours.');
  }
  if (periodSeconds !== null && !next) {
    throw new GrpcRefusal('INVALID_ARGUMENT', 'next_rotation_time must be set when rotation_period is set.');
  }
  if (next && (millis(next) ?? 0) < now) {
    throw new GrpcRefusal('INVALID_ARGUMENT', 'next_rotation_time must be in the future.');
  }
}

function required(mask: Mask | undefined): Set<string> {
  const paths = new Set(mask?.paths ?? []);
  if (paths.size === 0) {
    throw new GrpcRefusal('INVALID_ARGUMENT', 'update_mask is required.');
  }
  return paths;
}

function page<T extends { readonly name: string }>(all: readonly T[], request: Paged): { items: T[]; nextPageToken: string } {
  const from = request.pageToken ? Number(Buffer.from(request.pageToken, 'base64url').toString()) : 0;
  const size = Math.min(request.pageSize || 100, 1000);
  if (!Number.isSafeInteger(from) || from < 0 || size < 0) {
    throw new GrpcRefusal('INVALID_ARGUMENT', 'The page size or page token is invalid.');
  }
  const items = all.slice(from, from + size);
  return { items, nextPageToken: from + size < all.length ? Buffer.from(String(from + size)).toString('base64url') : '' };
}

function stamp(ms: number): Timestamp {
  return { seconds: Math.floor(ms / 1000), nanos: Math.floor(ms % 1000) * 1_000_000 };
}

function millis(time: Timestamp | null | undefined): number | null {
  return time ? (time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6 : null;
}

function seenRing(ring: KeyRing): { name: string; createTime: Timestamp } {
  return { name: ring.name, createTime: stamp(ring.createdMs) };
}

function seenVersion(key: CryptoKey, version: KeyVersion): { readonly name: string } {
  return {
    name: versionName(key, version.number),
    state: version.state,
    protectionLevel: 'SOFTWARE',
    algorithm: SYMMETRIC,
    createTime: stamp(version.createdMs),
    generateTime: stamp(version.createdMs),
    ...(version.destroyMs === undefined || version.state !== 'DESTROY_SCHEDULED' ? {} : { destroyTime: stamp(version.destroyMs) }),
    ...(version.destroyedMs === undefined ? {} : { destroyEventTime: stamp(version.destroyedMs) }),
  } as { readonly name: string };
}

function seenKey(key: CryptoKey): unknown {
  return {
    name: key.name,
    purpose: 'ENCRYPT_DECRYPT',
    createTime: stamp(key.createdMs),
    labels: key.labels,
    versionTemplate: { protectionLevel: 'SOFTWARE', algorithm: SYMMETRIC },
    destroyScheduledDuration: { seconds: key.destroyAfterSeconds },
    ...(key.primary === null ? {} : { primary: seenVersion(key, key.versions[key.primary - 1]!) }),
    ...(key.rotationSeconds === null ? {} : { rotationPeriod: { seconds: key.rotationSeconds } }),
    ...(key.nextRotationMs === null ? {} : { nextRotationTime: stamp(key.nextRotationMs) }),
  };
}
