/** FARM_FINGERPRINT: FarmHash's Fingerprint64. */
const M = (1n << 64n) - 1n;
const K0 = 0xc3a5c85c97cb3127n;
const K1 = 0xb492b66fbe98f273n;
const K2 = 0x9ae16a3b2f90404fn;
const rot = (v: bigint, n: bigint): bigint => ((v >> n) | (v << (64n - n))) & M;
const mix = (v: bigint): bigint => v ^ (v >> 47n);
const mul64 = (a: bigint, b: bigint): bigint => (a * b) & M;

function hash16(u: bigint, v: bigint, mul: bigint): bigint {
  const a = mix(mul64(u ^ v, mul));
  return mul64(mix(mul64(v ^ a, mul)), mul);
}

export function fingerprint64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const f = (i: number): bigint => view.getBigUint64(i, true);
  const f32 = (i: number): bigint => BigInt(view.getUint32(i, true));
  const len = bytes.length;
  const n = BigInt(len);
  const mul = (K2 + n * 2n) & M;
  if (len <= 16) {
    if (len >= 8) {
      const a = (f(0) + K2) & M;
      const b = f(len - 8);
      return hash16((mul64(rot(b, 37n), mul) + a) & M, mul64((rot(a, 25n) + b) & M, mul), mul);
    }
    if (len >= 4) return hash16((n + (f32(0) << 3n)) & M, f32(len - 4), mul);
    if (len > 0) {
      const y = BigInt(bytes[0]! + (bytes[len >> 1]! << 8));
      const z = n + BigInt(bytes[len - 1]! << 2);
      return mul64(mix(mul64(y, K2) ^ mul64(z, K0)), K2);
    }
    return K2;
  }
  if (len <= 32) {
    const a = mul64(f(0), K1);
    const b = f(8);
    const c = mul64(f(len - 8), mul);
    const d = mul64(f(len - 16), K2);
    return hash16((rot((a + b) & M, 43n) + rot(c, 30n) + d) & M, (a + rot((b + K2) & M, 18n) + c) & M, mul);
  }
  if (len <= 64) {
    const a = mul64(f(0), K2);
    const b = f(8);
    const c = mul64(f(len - 8), mul);
    const d = mul64(f(len - 16), K2);
    const y = (rot((a + b) & M, 43n) + rot(c, 30n) + d) & M;
    const z = hash16(y, (a + rot((b + K2) & M, 18n) + c) & M, mul);
    const e = mul64(f(16), mul);
    const g0 = f(24);
    const g = mul64((y + f(len - 32)) & M, mul);
    const h = mul64((z + f(len - 24)) & M, mul);
    return hash16((rot((e + g0) & M, 43n) + rot(g, 30n) + h) & M, (e + rot((g0 + a) & M, 18n) + g) & M, mul);
  }
  return long(f, len);
}

function long(f: (i: number) => bigint, len: number): bigint {
  const weak = (s: number, a0: bigint, b0: bigint): [bigint, bigint] => {
    let a = (a0 + f(s)) & M;
    const z = f(s + 24);
    let b = rot((b0 + a + z) & M, 21n);
    const c = a;
    a = (a + f(s + 8) + f(s + 16)) & M;
    b = (b + rot(a, 44n)) & M;
    return [(a + z) & M, (b + c) & M];
  };
  const seed = 81n;
  let x = (seed * K2 + f(0)) & M;
  let y = (seed * K1 + 113n) & M;
  let z = mul64(mix((mul64(y, K2) + 113n) & M), K2);
  let v: [bigint, bigint] = [0n, 0n];
  let w: [bigint, bigint] = [0n, 0n];
  const end = Math.floor((len - 1) / 64) * 64;
  const last = end + ((len - 1) & 63) - 63;
  let s = 0;
  do {
    x = mul64(rot((x + y + v[0] + f(s + 8)) & M, 37n), K1);
    y = mul64(rot((y + v[1] + f(s + 48)) & M, 42n), K1);
    x ^= w[1];
    y = (y + v[0] + f(s + 40)) & M;
    z = mul64(rot((z + w[0]) & M, 33n), K1);
    v = weak(s, mul64(v[1], K1), (x + w[0]) & M);
    w = weak(s + 32, (z + w[1]) & M, (y + f(s + 16)) & M);
    [z, x] = [x, z];
    s += 64;
  } while (s !== end);
  const mul = (K1 + ((z & 0xffn) << 1n)) & M;
  s = last;
  w[0] = (w[0] + BigInt((len - 1) & 63)) & M;
  v[0] = (v[0] + w[0]) & M;
  w[0] = (w[0] + v[0]) & M;
  x = mul64(rot((x + y + v[0] + f(s + 8)) & M, 37n), mul);
  y = mul64(rot((y + v[1] + f(s + 48)) & M, 42n), mul);
  x ^= mul64(w[1], 9n);
  y = (y + v[0] * 9n + f(s + 40)) & M;
  z = mul64(rot((z + w[0]) & M, 33n), mul);
  v = weak(s, mul64(v[1], mul), (x + w[0]) & M);
  w = weak(s + 32, (z + w[1]) & M, (y + f(s + 16)) & M);
  [z, x] = [x, z];
  return hash16((hash16(v[0], w[0], mul) + mul64(mix(y), K0) + z) & M, (hash16(v[1], w[1], mul) + x) & M, mul);
}
