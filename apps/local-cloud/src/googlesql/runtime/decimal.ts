/** Exact decimals as scaled bigints: parsing, rendering and rounding half away from zero. */
export class DecimalFault extends Error {}

const POW: bigint[] = [];
export function pow10(n: number): bigint {
  POW[n] ??= 10n ** BigInt(n);
  return POW[n];
}

/** The value of a decimal text times 10^scale, rounded half away from zero. */
export function parseBigDecimal(text: string, scale: number): bigint {
  const found = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?\s*$/.exec(text);
  if (!found || (found[2] === '' && (found[3] ?? '') === '')) throw new DecimalFault(text);
  const fraction = found[3] ?? '';
  const digits = BigInt((found[2] ?? '') + fraction || '0');
  const shift = scale - fraction.length + Number(found[4] ?? 0);
  if (shift > 400 && digits !== 0n) throw new DecimalFault(text);
  const magnitude = shift >= 0 ? digits * pow10(Math.min(shift, 400)) : shift < -2000 ? 0n : divideRounded(digits, pow10(-shift));
  return found[1] === '-' ? -magnitude : magnitude;
}

export function divideRounded(a: bigint, b: bigint): bigint {
  const negative = a < 0n !== b < 0n;
  const n = a < 0n ? -a : a;
  const d = b < 0n ? -b : b;
  const q = (n * 2n + d) / (d * 2n);
  return negative ? -q : q;
}

export function renderScaled(value: bigint, scale: number): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale === 0 ? '' : digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`;
}

/** The exact decimal expansion of a double, times 10^scale, rounded half away from zero. */
export function scaleDouble(value: number, scale: number): bigint {
  return expand(value, scale, divideRounded);
}
/** The same as C's printf rounds it: half to even. */
export function roundDouble(value: number, scale: number): bigint {
  return expand(value, scale, (a, b) => {
    const q = a / b;
    const twice = (a % b) * 2n;
    return twice > b || (twice === b && q % 2n === 1n) ? q + 1n : q;
  });
}
function expand(value: number, scale: number, divide: (a: bigint, b: bigint) => bigint): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = exponent === 0 ? fraction : fraction | 0x10000000000000n;
  const power = (exponent === 0 ? 1 : exponent) - 1075;
  const scaled = mantissa * pow10(scale);
  const magnitude = power >= 0 ? scaled << BigInt(power) : divide(scaled, 1n << BigInt(-power));
  return value < 0 ? -magnitude : magnitude;
}
