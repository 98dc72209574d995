/** Functions on STRING and BYTES that DuckDB lacks. Positions count code points. */
import { createHash } from 'node:crypto';
import { editDistance } from '../nearest.ts';
import { EvaluationFault, type NativeFunction, native } from './define.ts';
import { fingerprint64 } from './hash.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
export function utf8(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new EvaluationFault(what);
  }
}
/** One replacement character for every byte that does not belong to a character. */
function safeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    let out = '';
    for (let i = 0; i < bytes.length; ) {
      const n = [1, 2, 3, 4].find((k) => {
        try {
          return i + k <= bytes.length && [...decoder.decode(bytes.subarray(i, i + k))].length === 1;
        } catch {
          return false;
        }
      });
      out += n === undefined ? '\ufffd' : decoder.decode(bytes.subarray(i, i + n));
      i += n ?? 1;
    }
    return out;
  }
}
const signed = (v: bigint): bigint => BigInt.asIntN(64, v);

/** No letter becomes two, as SS for ß would be. */
function upperLetter(c: string): string {
  const upper = c.toUpperCase();
  return [...upper].length === 1 ? upper : c;
}

function initcap(text: string, delimiters = ' \t\n\r\f\v[](){}/|<>!?@"^#$&~_,.:;*%+-'): string {
  const set = new Set(delimiters);
  let start = true;
  let out = '';
  for (const c of text) {
    const delimiter = set.has(c);
    out += delimiter ? c : start ? upperLetter(c) : c.toLowerCase();
    start = delimiter;
  }
  return out;
}

function instr(text: string, search: string, position: bigint, occurrence: bigint): bigint {
  if (occurrence < 1n) throw new EvaluationFault('Occurrence must be positive in INSTR');
  if (position === 0n) throw new EvaluationFault('Position must be non-zero in INSTR');
  const chars = [...text];
  const wanted = [...search];
  const matches = (i: number) => wanted.every((c, k) => chars[i + k] === c);
  let left = occurrence;
  if (position > 0n) {
    for (let i = Number(position) - 1; i < Math.max(chars.length, 1) && i + wanted.length <= chars.length; i++)
      if (matches(i) && --left === 0n) return BigInt(i + 1);
  } else {
    for (let i = Math.min(chars.length + Number(position) + (wanted.length === 0 ? 1 : 0), chars.length - wanted.length); i >= 0; i--)
      if (matches(i) && --left === 0n) return BigInt(i + 1);
  }
  return 0n;
}

const CODES: Readonly<Record<string, string>> = {
  B: '1',
  F: '1',
  P: '1',
  V: '1',
  C: '2',
  G: '2',
  J: '2',
  K: '2',
  Q: '2',
  S: '2',
  X: '2',
  Z: '2',
  D: '3',
  T: '3',
  L: '4',
  M: '5',
  N: '5',
  R: '6',
};
function soundex(text: string): string {
  let out = '';
  let previous = '';
  for (const raw of text) {
    if (!/[A-Za-z]/.test(raw)) continue;
    const c = raw.toUpperCase();
    const code = CODES[c] ?? '';
    if (out === '') out = raw;
    else if (code !== '' && code !== previous) out += code;
    if (code !== '') previous = code;
    if (out.length === 4) break;
  }
  return out === '' ? '' : out.padEnd(4, '0');
}

const B32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
function toBase32(bytes: Uint8Array): string {
  let bits = 0;
  let value = 0;
  let out = '';
  for (const b of bytes) {
    value = (value << 8) | b;
    bits += 8;
    while (bits >= 5) {
      out += B32[(value >>> (bits - 5)) & 31];
      bits -= 5;
    }
    value &= 0xff;
  }
  if (bits > 0) out += B32[(value << (5 - bits)) & 31];
  return out.padEnd(Math.ceil(out.length / 8) * 8, '=');
}
function fromBase32(text: string): Uint8Array {
  const clean = text.replace(/=+$/, '');
  const out: number[] = [];
  let bits = 0;
  let value = 0;
  for (const c of clean) {
    const i = B32.indexOf(c.toUpperCase());
    if (i < 0) throw new EvaluationFault(`Failed to decode invalid base32 string`);
    value = ((value << 5) | i) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      out.push((value >>> (bits - 8)) & 255);
      bits -= 8;
    }
  }
  return Uint8Array.from(out);
}
function fromBase64(text: string): Uint8Array {
  const clean = text.replace(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(clean) || clean.replace(/=+$/, '').length % 4 === 1)
    throw new EvaluationFault('Failed to decode invalid base64 string');
  return Buffer.from(text, 'base64');
}

function bitwise(a: Uint8Array, b: Uint8Array, op: string): Uint8Array {
  if (a.length !== b.length)
    throw new EvaluationFault(
      `Bitwise binary operator for BYTES requires equal length of the inputs. Got ${a.length} bytes on the left hand side and ${b.length} bytes on the right hand side.`,
    );
  return a.map((x, i) => (op === '&' ? x & b[i]! : op === '|' ? x | b[i]! : x ^ b[i]!));
}
function shift(bytes: Uint8Array, by: bigint): Uint8Array {
  const width = BigInt(bytes.length * 8);
  const value = bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  const moved = by >= 0n ? (by >= width ? 0n : BigInt.asUintN(Number(width), value << by)) : value >> -by;
  return bytes.length === 0 ? bytes : Buffer.from(moved.toString(16).padStart(bytes.length * 2, '0'), 'hex');
}
function bytesLike(bytes: Uint8Array, pattern: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('latin1');
  const like = Buffer.from(pattern).toString('latin1');
  let re = '';
  for (let i = 0; i < like.length; i++) {
    const c = like[i]!;
    if (c === '\\') re += (like[++i] ?? '').replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    else if (c === '%') re += '[^]*';
    else if (c === '_') re += '[^]';
    else re += c.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  }
  return new RegExp(`^${re}$`).test(text);
}

const PUBLIC_SUFFIXES = new Set([
  'co.uk',
  'org.uk',
  'ac.uk',
  'gov.uk',
  'com.au',
  'net.au',
  'org.au',
  'co.jp',
  'co.nz',
  'co.in',
  'com.br',
  'co.za',
  'com.cn',
  'com.mx',
  'co.kr',
]);
function hostOf(url: string): string | null {
  const t = url.trim().replace(/^mailto:/i, '//');
  const rest =
    /^(?:[a-z][a-z0-9+.-]*:)?\/\/([^/?#]*)/i.exec(t)?.[1] ?? (/^[a-z][a-z0-9+.-]*:(?!\d)/i.test(t) ? undefined : /^([^/?#]*)/.exec(t)?.[1]);
  if (rest === undefined || rest === '') return null;
  const host = rest.replace(/^.*@/, '').replace(/:\d*$/, '');
  return host === '' ? null : host;
}
/** The labels of the host's name; null for an address. */
function labelsOf(url: string): string[] | null {
  const host = hostOf(url)?.replace(/\.+$/, '');
  if (!host || /^\[/.test(host) || ipBytes(host)) return null;
  return host.split('.');
}
const suffixLength = (labels: readonly string[]): number => (PUBLIC_SUFFIXES.has(labels.slice(-2).join('.').toLowerCase()) ? 2 : 1);
function ipBytes(text: string): Uint8Array | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const parts = text.split('.').map(Number);
    return parts.every((p) => p <= 255) ? Uint8Array.from(parts) : undefined;
  }
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(':')) return undefined;
  let t = text;
  const v4 = /^(.*:)(\d{1,3}(?:\.\d{1,3}){3})$/.exec(text);
  if (v4) {
    const b = ipBytes(v4[2]!);
    if (!b) return undefined;
    t = `${v4[1]}${((b[0]! << 8) | b[1]!).toString(16)}:${((b[2]! << 8) | b[3]!).toString(16)}`;
  }
  const [left, right, more] = t.split('::') as [string, string?, string?];
  if (more !== undefined) return undefined;
  const l = left === '' ? [] : left.split(':');
  const r = right === undefined || right === '' ? [] : right.split(':');
  if (right === undefined ? l.length !== 8 : l.length + r.length > 7) return undefined;
  const groups = [...l, ...Array.from({ length: 8 - l.length - r.length }, () => '0'), ...r];
  if (groups.some((g) => !/^[0-9a-fA-F]{1,4}$/.test(g))) return undefined;
  return Uint8Array.from(groups.flatMap((g) => [Number.parseInt(g, 16) >> 8, Number.parseInt(g, 16) & 255]));
}
function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return [...bytes].join('.');
  if (bytes.length !== 16) throw new EvaluationFault(`The argument to NET.IP_TO_STRING() must be 4 or 16 bytes long`);
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > best.length) best = { at: i, length: j - i };
  }
  const hex = groups.map((g) => g.toString(16));
  return best.at < 0 ? hex.join(':') : `${hex.slice(0, best.at).join(':')}::${hex.slice(best.at + best.length).join(':')}`;
}

export const stringFunctions: readonly NativeFunction[] = [
  native('gs_raise', ['text'], 'int', (message: string) => {
    throw new EvaluationFault(message);
  }),
  native('gs_bytes_text', ['bytes'], 'text', (b: Uint8Array) => utf8(b, 'Invalid cast of bytes to UTF8 string')),
  native('gs_bytes_text_safe', ['bytes'], 'text', (b: Uint8Array) => safeUtf8(b)),
  native('gs_initcap', ['text'], 'text', (t: string) => initcap(t)),
  native('gs_initcap_by', ['text', 'text'], 'text', (t: string, d: string) => initcap(t, d)),
  native('gs_instr', ['text', 'text', 'int', 'int'], 'int', instr),
  native('gs_upper_slow', ['text'], 'text', (t: string) => t.toUpperCase()),
  native('gs_bytes_upper', ['bytes'], 'bytes', (b: Uint8Array) => b.map((x) => (x >= 97 && x <= 122 ? x - 32 : x))),
  native('gs_bytes_lower', ['bytes'], 'bytes', (b: Uint8Array) => b.map((x) => (x >= 65 && x <= 90 ? x + 32 : x))),
  // Every byte as the letter of its number, so that functions on text serve for bytes.
  native('gs_bytes_latin', ['bytes'], 'text', (b: Uint8Array) => Buffer.from(b).toString('latin1')),
  native('gs_latin_bytes', ['text'], 'bytes', (t: string) => Buffer.from(t, 'latin1')),
  native('gs_lower_slow', ['text'], 'text', (t: string) => t.toLowerCase()),
  native('gs_soundex', ['text'], 'text', soundex),
  native('gs_normalize', ['text', 'text', 'bool'], 'text', (t: string, form: string, fold: boolean) => {
    if (!['NFC', 'NFD', 'NFKC', 'NFKD'].includes(form)) throw new EvaluationFault(`Invalid normalize mode: ${form}`);
    return fold ? t.normalize(form).toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize(form) : t.normalize(form);
  }),
  native('gs_translate', ['text', 'text', 'text'], 'text', (t: string, from: string, to: string) => {
    const source = [...from];
    if (new Set(source).size !== source.length) throw new EvaluationFault('Duplicate character in TRANSLATE source characters');
    const target = [...to];
    const map = new Map(source.map((c, i) => [c, target[i] ?? '']));
    return [...t].map((c) => map.get(c) ?? c).join('');
  }),
  native('gs_edit_distance', ['text', 'text', 'int'], 'int', (a: string, b: string, max: bigint) => {
    if (max < 0n) throw new EvaluationFault('max_distance must be non-negative');
    const d = editDistance(a, b);
    return d > Number(max) ? max : BigInt(d);
  }),
  native('gs_code_points', ['text'], 'ints', (t: string) => [...t].map((c) => BigInt(c.codePointAt(0)!))),
  native('gs_bytes_points', ['bytes'], 'ints', (b: Uint8Array) => [...b].map(BigInt)),
  native('gs_points_text', ['ints'], 'text', (points: readonly (bigint | null)[]) => {
    if (points.includes(null)) return null;
    return points
      .map((p) => {
        if (p! < 0n || p! > 0x10ffffn || (p! >= 0xd800n && p! <= 0xdfffn)) throw new EvaluationFault(`Invalid codepoint ${p}`);
        return String.fromCodePoint(Number(p));
      })
      .join('');
  }),
  native('gs_points_bytes', ['ints'], 'bytes', (points: readonly (bigint | null)[]) => {
    if (points.includes(null)) return null;
    return Uint8Array.from(points, (p) => {
      if (p! < 0n || p! > 255n) throw new EvaluationFault(`Invalid byte ${p}`);
      return Number(p);
    });
  }),
  native('gs_chr', ['int'], 'text', (p: bigint) => {
    if (p < 0n || p > 0x10ffffn || (p >= 0xd800n && p <= 0xdfffn)) throw new EvaluationFault(`Invalid codepoint ${p}`);
    return String.fromCodePoint(Number(p));
  }),
  native('gs_to_base32', ['bytes'], 'text', toBase32),
  native('gs_from_base32', ['text'], 'bytes', fromBase32),
  native('gs_from_base64', ['text'], 'bytes', fromBase64),
  native('gs_from_hex', ['text'], 'bytes', (t: string) => {
    if (!/^[0-9a-fA-F]*$/.test(t)) throw new EvaluationFault(`Failed to decode invalid hexadecimal string due to character in the string`);
    return Buffer.from(t.length % 2 ? `0${t}` : t, 'hex');
  }),
  native('gs_hash', ['bytes', 'text'], 'bytes', (b: Uint8Array, algorithm: string) => createHash(algorithm).update(b).digest()),
  native('gs_farm', ['bytes'], 'int', (b: Uint8Array) => signed(fingerprint64(b))),
  native('gs_bytes_bit', ['bytes', 'bytes', 'text'], 'bytes', bitwise),
  native('gs_bytes_not', ['bytes'], 'bytes', (b: Uint8Array) => b.map((x) => ~x & 255)),
  native('gs_bytes_shift', ['bytes', 'int'], 'bytes', shift),
  native('gs_bytes_like', ['bytes', 'bytes'], 'bool', bytesLike),
  native('gs_bytes_reverse', ['bytes'], 'bytes', (b: Uint8Array) => Uint8Array.from(b).reverse()),
  native('gs_bytes_repeat', ['bytes', 'int'], 'bytes', (b: Uint8Array, n: bigint) => {
    if (n < 0n) throw new EvaluationFault('REPEAT repetitions must be non-negative');
    if (b.length * Number(n) > 1 << 26) throw new EvaluationFault('Output of REPEAT exceeds max allowed output size of 64MB');
    return Buffer.concat(Array.from({ length: Number(n) }, () => b));
  }),
  native('gs_bytes_substr', ['bytes', 'int', 'int'], 'bytes', (b: Uint8Array, position: bigint, length: bigint) => {
    if (length < 0n) throw new EvaluationFault('Third argument in SUBSTR() cannot be negative');
    let from = position > 0n ? Number(position) - 1 : position < 0n ? b.length + Number(position) : 0;
    let n = Number(length);
    if (position < 0n && from < 0) from = 0;
    n = Math.min(n, b.length);
    return b.slice(from, Math.min(b.length, from + n));
  }),
  native(
    'gs_bytes_pad',
    ['bytes', 'int', 'bytes', 'bool'],
    'bytes',
    (b: Uint8Array, length: bigint, pattern: Uint8Array, left: boolean) => {
      const n = Number(length);
      if (n < 0 || pattern.length === 0) throw new EvaluationFault('Invalid argument of LPAD or RPAD');
      if (b.length >= n) return b.slice(0, n);
      const fill = Uint8Array.from({ length: n - b.length }, (_, i) => pattern[i % pattern.length]!);
      return left ? Buffer.concat([fill, b]) : Buffer.concat([b, fill]);
    },
  ),
  native('gs_bytes_position', ['bytes', 'bytes'], 'int', (b: Uint8Array, what: Uint8Array) => BigInt(Buffer.from(b).indexOf(what) + 1)),
  native('gs_bytes_replace', ['bytes', 'bytes', 'bytes'], 'bytes', (b: Uint8Array, from: Uint8Array, to: Uint8Array) => {
    const latin = (x: Uint8Array) => Buffer.from(x).toString('latin1');
    return from.length === 0
      ? b
      : Buffer.from(
          latin(b).replaceAll(latin(from), () => latin(to)),
          'latin1',
        );
  }),
  native('gs_bytes_trim', ['bytes', 'bytes', 'text'], 'bytes', (b: Uint8Array, set: Uint8Array, side: string) => {
    let from = 0;
    let to = b.length;
    if (side !== 'right') while (from < to && set.includes(b[from]!)) from++;
    if (side !== 'left') while (to > from && set.includes(b[to - 1]!)) to--;
    return b.slice(from, to);
  }),
  native('gs_net_host', ['text'], 'text', hostOf),
  native('gs_net_suffix', ['text'], 'text', (t: string) => {
    const labels = labelsOf(t);
    return labels && labels.slice(-suffixLength(labels)).join('.');
  }),
  native('gs_net_domain', ['text'], 'text', (t: string) => {
    const labels = labelsOf(t);
    const n = labels && suffixLength(labels) + 1;
    return labels && labels.length >= n! ? labels.slice(-n!).join('.') : null;
  }),
  native('gs_ip_from', ['text'], 'bytes', (t: string) => {
    const b = ipBytes(t);
    if (!b) throw new EvaluationFault(`Invalid IP address: ${t}`);
    return b;
  }),
  native('gs_ip_text', ['bytes'], 'text', ipText),
  native('gs_ip_trunc', ['bytes', 'int'], 'bytes', (b: Uint8Array, prefix: bigint) => {
    if (prefix < 0n || prefix > BigInt(b.length * 8)) throw new EvaluationFault('Prefix length out of range in NET.IP_TRUNC');
    return b.map((x, i) => {
      const bits = Math.max(0, Math.min(8, Number(prefix) - i * 8));
      return x & ((0xff00 >> bits) & 0xff);
    });
  }),
  native('gs_ip_mask', ['int', 'int'], 'bytes', (size: bigint, prefix: bigint) => {
    if ((size !== 4n && size !== 16n) || prefix < 0n || prefix > size * 8n)
      throw new EvaluationFault('Invalid argument of NET.IP_NET_MASK');
    return Uint8Array.from({ length: Number(size) }, (_, i) => (0xff00 >> Math.max(0, Math.min(8, Number(prefix) - i * 8))) & 0xff);
  }),
  native('gs_ip_v4_int', ['int'], 'bytes', (n: bigint) => {
    if (n < 0n || n > 0xffffffffn) throw new EvaluationFault('Argument of NET.IPV4_FROM_INT64 out of range');
    return Uint8Array.from([24n, 16n, 8n, 0n], (s) => Number((n >> s) & 255n));
  }),
  native('gs_int_v4', ['bytes'], 'int', (b: Uint8Array) => {
    if (b.length !== 4) throw new EvaluationFault('NET.IPV4_TO_INT64() encountered a non-IPv4 address');
    return [...b].reduce((a, x) => (a << 8n) | BigInt(x), 0n);
  }),
  native('gs_limit_text', ['text', 'int'], 'text', (t: string, max: bigint) => {
    if ([...t].length > Number(max))
      throw new EvaluationFault(`Value has length ${[...t].length} which exceeds the maximum length of ${max}`);
    return t;
  }),
  native('gs_limit_bytes', ['bytes', 'int'], 'bytes', (b: Uint8Array, max: bigint) => {
    if (b.length > Number(max)) throw new EvaluationFault(`Value has length ${b.length} which exceeds the maximum length of ${max}`);
    return b;
  }),
  native('gs_groups', ['text'], 'int', (re: string) => {
    const n = captureGroups(re);
    if (n > 1) throw new EvaluationFault('Regular expressions passed into extraction functions must not have more than 1 capturing group');
    return BigInt(n);
  }),
  native('gs_bytes_escape', ['bytes'], 'text', (b: Uint8Array) =>
    [...b]
      .map((x) => (x >= 32 && x < 127 && x !== 92 && x !== 34 ? String.fromCharCode(x) : `\\x${x.toString(16).padStart(2, '0')}`))
      .join(''),
  ),
  native('gs_text_bytes', ['text'], 'bytes', (t: string) => encoder.encode(t)),
];

/** The number of capturing groups of an RE2 pattern. */
export function captureGroups(re: string): number {
  let groups = 0;
  let inClass = false;
  for (let i = 0; i < re.length; i++) {
    const c = re[i]!;
    if (c === '\\') {
      if (re[i + 1] === 'Q') {
        const end = re.indexOf('\\E', i);
        i = end < 0 ? re.length : end;
      }
      i++;
    } else if (inClass) {
      if (c === ']') inClass = false;
    } else if (c === '[') {
      inClass = true;
      if (re[i + 1] === '^') i++;
      if (re[i + 1] === ']') i++;
    } else if (c === '(' && (re[i + 1] !== '?' || /^\(\?P?</.test(re.slice(i, i + 4)))) groups++;
  }
  return groups;
}
