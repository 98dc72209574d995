/** Numbers: texts of FLOAT64, NUMERIC and BIGNUMERIC, and the exact arithmetic that DuckDB does not have. */
import { DecimalFault, divideRounded, parseBigDecimal, pow10, renderScaled, scaleDouble } from './decimal.ts';
import { EvaluationFault, type NativeFunction, native } from './define.ts';

const NUMERIC_LIMIT = pow10(38);
const BIG_MAX = (1n << 255n) - 1n;
const BIG_MIN = -(1n << 255n);
const INT_MAX = (1n << 63n) - 1n;
const INT_MIN = -(1n << 63n);

/** `what` is only computed when it is needed: these run once a row. */
export function checkNumeric(value: bigint, what: () => string): bigint {
  if (value >= NUMERIC_LIMIT || value <= -NUMERIC_LIMIT) throw new EvaluationFault(`numeric overflow: ${what()}`);
  return value;
}
export function checkBig(value: bigint, what: () => string): bigint {
  if (value > BIG_MAX || value < BIG_MIN) throw new EvaluationFault(`BIGNUMERIC overflow: ${what()}`);
  return value;
}
export function checkInt(value: bigint, what: () => string): bigint {
  if (value > INT_MAX || value < INT_MIN) throw new EvaluationFault(`int64 overflow: ${what()}`);
  return value;
}

/** C's `%.15g`, or `%.17g` when that does not read back as the same double. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const precision = Number(value.toPrecision(15)) === value ? 15 : 17;
  const [mantissa, exponent] = value.toExponential(precision - 1).split('e') as [string, string];
  const power = Number(exponent);
  const negative = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '').replace(/0+$/, '');
  if (power < -4 || power >= precision) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${negative}${digits[0]}${rest}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  if (power < 0) return `${negative}0.${'0'.repeat(-power - 1)}${digits}`;
  if (digits.length <= power + 1) return negative + digits.padEnd(power + 1, '0');
  return `${negative}${digits.slice(0, power + 1)}.${digits.slice(power + 1)}`;
}

export function textFloat(text: string): number | undefined {
  const t = text.trim();
  if (/^[+-]?(inf|infinity)$/i.test(t)) return t.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^[+-]?nan$/i.test(t)) return Number.NaN;
  const hex = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i.exec(t);
  if (hex) return hexFloat(hex[1]!, hex[2]!, hex[3] ?? '', Number(hex[4] ?? 0));
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(t)) return undefined;
  const value = Number(t);
  return Number.isFinite(value) ? value : undefined;
}

function hexFloat(sign: string, whole: string, fraction: string, power: number): number | undefined {
  if (whole + fraction === '') return undefined;
  const value = Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (power - 4 * fraction.length);
  return sign === '-' ? -value : value;
}

export function textInt(text: string): bigint | undefined {
  const found = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)\s*$/.exec(text);
  if (!found) return undefined;
  const value = found[1] === '-' ? -BigInt(found[2]!) : BigInt(found[2]!);
  return value > INT_MAX || value < INT_MIN ? undefined : value;
}

function textDecimal(text: string, scale: number, type: string): bigint {
  try {
    const value = parseBigDecimal(text, scale);
    return scale === 9 ? checkNumeric(value, () => text) : checkBig(value, () => text);
  } catch (error) {
    if (error instanceof DecimalFault || error instanceof EvaluationFault) throw new EvaluationFault(`Invalid ${type} value: ${text}`);
    throw error;
  }
}
/** PARSE_NUMERIC: spaces, thousands separators and a sign on either side. */
function loose(text: string): string {
  const t = text.replace(/[\s,]/g, '');
  const trailing = /^([^+-].*)([+-])$/.exec(t);
  return trailing ? trailing[2]! + trailing[1]! : t;
}
function floatDecimal(value: number, scale: number, type: string): bigint {
  const fail = () =>
    new EvaluationFault(
      `Illegal conversion of non-finite floating point number to ${type === 'NUMERIC' ? 'numeric' : 'bignumeric'}: ${floatText(value)}`,
    );
  if (!Number.isFinite(value)) throw fail();
  if (Math.abs(value) > 1e40) throw new EvaluationFault(`${type} out of range: ${floatText(value)}`);
  const scaled = scaleDouble(value, scale);
  if (scale === 9 && (scaled >= NUMERIC_LIMIT || scaled <= -NUMERIC_LIMIT))
    throw new EvaluationFault(`numeric out of range: ${floatText(value)}`);
  return scale === 9 ? scaled : checkBig(scaled, () => floatText(value));
}

const P9 = pow10(9);
const P29 = pow10(29);
const P38 = pow10(38);

/** Rounding of a scaled value to `digits` places: 'half' away from zero, or truncation, floor, ceiling. */
function roundScaled(value: bigint, scale: number, digits: bigint, mode: string): bigint {
  const drop = BigInt(scale) - digits;
  if (drop <= 0n) return value;
  if (drop > 80n) return 0n;
  const unit = pow10(Number(drop));
  const rest = value % unit;
  switch (mode) {
    case 'trunc':
      return value - rest;
    case 'floor':
      return rest === 0n ? value : value < 0n ? value - rest - unit : value - rest;
    case 'ceil':
      return rest === 0n ? value : value < 0n ? value - rest : value - rest + unit;
    case 'ROUND_HALF_EVEN': {
      const twice = (rest < 0n ? -rest : rest) * 2n;
      const down = value - rest;
      const up = down + (value < 0n ? -unit : unit);
      if (twice !== unit) return twice > unit ? up : down;
      return (down / unit) % 2n === 0n ? down : up;
    }
    default:
      return divideRounded(value, unit) * unit;
  }
}

function root(value: bigint): bigint {
  if (value < 2n) return value;
  let x = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + value / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** A whole exponent is multiplied out with 20 digits to spare; any other power passes through FLOAT64. */
function bigPow(a: bigint, b: bigint): bigint {
  const shown = () => `POW(${renderScaled(a, 38)}, ${renderScaled(b, 38)})`;
  const times = b < 0n ? -b : b;
  if (a === 0n && b < 0n) throw new EvaluationFault(`division by zero: ${shown()}`);
  if (times % P38 !== 0n || times > 1000n * P38)
    return floatDecimal(Number(renderScaled(a, 38)) ** Number(renderScaled(b, 38)), 38, 'BIGNUMERIC');
  const spare = pow10(20);
  let out = P38 * spare;
  for (let i = 0n; i < times / P38; i++) {
    out = divideRounded(out * a, P38);
    if (out > pow10(120) || out < -pow10(120)) throw new EvaluationFault(`BIGNUMERIC overflow: ${shown()}`);
  }
  if (b < 0n && out === 0n) throw new EvaluationFault(`BIGNUMERIC overflow: ${shown()}`);
  const value = b < 0n ? divideRounded(P38 * P38 * spare, out) : divideRounded(out, spare);
  return checkBig(value, shown);
}

export const numberFunctions: readonly NativeFunction[] = [
  native('gs_float_text', ['float'], 'text', floatText),
  native('gs_text_int_slow', ['text'], 'int', (text: string) => {
    const value = textInt(text);
    if (value === undefined) throw new EvaluationFault(`Bad int64 value: ${text}`);
    return value;
  }),
  native('gs_text_float', ['text'], 'float', (text: string) => {
    const value = textFloat(text);
    if (value === undefined) throw new EvaluationFault(`Bad double value: ${text}`);
    return value;
  }),
  native('gs_text_numeric_slow', ['text'], 'numeric', (text: string) => textDecimal(text, 9, 'NUMERIC')),
  native('gs_parse_numeric', ['text'], 'numeric', (text: string) => textDecimal(loose(text), 9, 'NUMERIC')),
  native('gs_parse_bignumeric', ['text'], 'big', (text: string) => textDecimal(loose(text), 38, 'BIGNUMERIC')),
  native('gs_text_bignumeric', ['text'], 'big', (text: string) => textDecimal(text, 38, 'BIGNUMERIC')),
  native('gs_float_numeric_slow', ['float'], 'numeric', (value: number) => floatDecimal(value, 9, 'NUMERIC')),
  native('gs_float_bignumeric', ['float'], 'big', (value: number) => floatDecimal(value, 38, 'BIGNUMERIC')),
  native('gs_int_bignumeric', ['int'], 'big', (value: bigint) => value * P38),
  native('gs_numeric_bignumeric', ['numeric'], 'big', (value: bigint) => value * P29),
  native('gs_numeric_text', ['numeric'], 'text', (value: bigint) => renderScaled(value, 9)),
  native('gs_numeric_int', ['numeric'], 'int', (value: bigint) => checkInt(divideRounded(value, P9), () => renderScaled(value, 9))),
  native('gs_bignumeric_int', ['big'], 'int', (value: bigint) => checkInt(divideRounded(value, P38), () => renderScaled(value, 38))),
  native('gs_bignumeric_numeric', ['big'], 'numeric', (value: bigint) =>
    checkNumeric(divideRounded(value, P29), () => renderScaled(value, 38)),
  ),
  native('gs_bignumeric_float', ['big'], 'float', (value: bigint) => Number(renderScaled(value, 38))),
  native('gs_bignumeric_text', ['big'], 'text', (value: bigint) => renderScaled(value, 38)),
  native('gs_bignumeric_mul', ['big', 'big'], 'big', (a: bigint, b: bigint) =>
    checkBig(divideRounded(a * b, P38), () => `${renderScaled(a, 38)} * ${renderScaled(b, 38)}`),
  ),
  native('gs_bignumeric_div', ['big', 'big'], 'big', (a: bigint, b: bigint) => {
    if (b === 0n) throw new EvaluationFault(`division by zero: ${renderScaled(a, 38)} / 0`);
    return checkBig(divideRounded(a * P38, b), () => `${renderScaled(a, 38)} / ${renderScaled(b, 38)}`);
  }),
  native('gs_bignumeric_sqrt', ['big'], 'big', (a: bigint) => {
    if (a < 0n) throw new EvaluationFault(`SQRT is undefined for negative value: ${renderScaled(a, 38)}`);
    return divideRounded(root(a * P38 * 100n), 10n);
  }),
  native('gs_bignumeric_pow', ['big', 'big'], 'big', bigPow),
  native('gs_bignumeric_neg', ['big'], 'big', (a: bigint) => -a),
  native('gs_bignumeric_abs', ['big'], 'big', (a: bigint) => (a < 0n ? -a : a)),
  native('gs_bignumeric_sign', ['big'], 'big', (a: bigint) => (a < 0n ? -P38 : a > 0n ? P38 : 0n)),
  native('gs_bignumeric_check', ['big'], 'big', (a: bigint) => checkBig(a, () => renderScaled(a, 38))),
  native('gs_bignumeric_round', ['big', 'int', 'text'], 'big', (a: bigint, n: bigint, mode: string) =>
    checkBig(roundScaled(a, 38, n, mode), () => renderScaled(a, 38)),
  ),
  native('gs_bignumeric_mod', ['big', 'big'], 'big', (a: bigint, b: bigint) => {
    if (b === 0n) throw new EvaluationFault(`division by zero: MOD(${renderScaled(a, 38)}, 0)`);
    return a % b;
  }),
  native('gs_bignumeric_intdiv', ['big', 'big'], 'big', (a: bigint, b: bigint) => {
    if (b === 0n) throw new EvaluationFault(`division by zero: DIV(${renderScaled(a, 38)}, 0)`);
    return checkBig((a / b) * P38, () => 'DIV');
  }),
  native('gs_numeric_mul', ['numeric', 'numeric'], 'numeric', (a: bigint, b: bigint) =>
    checkNumeric(divideRounded(a * b, P9), () => `${renderScaled(a, 9)} * ${renderScaled(b, 9)}`),
  ),
  native('gs_numeric_div', ['numeric', 'numeric'], 'numeric', (a: bigint, b: bigint) => {
    if (b === 0n) throw new EvaluationFault(`division by zero: ${renderScaled(a, 9)} / 0`);
    return checkNumeric(divideRounded(a * P9, b), () => `${renderScaled(a, 9)} / ${renderScaled(b, 9)}`);
  }),
  native('gs_numeric_mod', ['numeric', 'numeric'], 'numeric', (a: bigint, b: bigint) => {
    if (b === 0n) throw new EvaluationFault(`division by zero: MOD(${renderScaled(a, 9)}, 0)`);
    return a % b;
  }),
  native('gs_numeric_intdiv', ['numeric', 'numeric'], 'numeric', (a: bigint, b: bigint) => {
    if (b === 0n) throw new EvaluationFault(`division by zero: DIV(${renderScaled(a, 9)}, 0)`);
    return checkNumeric((a / b) * P9, () => 'DIV');
  }),
  native('gs_numeric_round', ['numeric', 'int', 'text'], 'numeric', (a: bigint, n: bigint, mode: string) =>
    checkNumeric(roundScaled(a, 9, n, mode), () => renderScaled(a, 9)),
  ),
  native('gs_numeric_sqrt', ['numeric'], 'numeric', (a: bigint) => {
    if (a < 0n) throw new EvaluationFault(`SQRT is undefined for negative value: ${renderScaled(a, 9)}`);
    // One digit more than needed, then rounded.
    return divideRounded(root(a * P9 * 100n), 10n);
  }),
  native('gs_numeric_float_fn', ['text', 'numeric', 'numeric'], 'numeric', (name: string, a: bigint, b: bigint) => {
    const x = Number(renderScaled(a, 9));
    const y = Number(renderScaled(b, 9));
    if (name === 'pow' && b % P9 === 0n && b >= 0n && b < 400n * P9) {
      let out = P9 ** 4n;
      for (let i = 0n; i < b / P9; i++) {
        out = divideRounded(out * a, P9);
        if (out > pow10(90) || out < -pow10(90))
          throw new EvaluationFault(`numeric overflow: POW(${renderScaled(a, 9)}, ${renderScaled(b, 9)})`);
      }
      return checkNumeric(divideRounded(out, P9 ** 3n), () => 'POW');
    }
    const value = {
      pow: () => x ** y,
      exp: () => Math.exp(x),
      ln: () => Math.log(x),
      log10: () => Math.log10(x),
      log: () => Math.log(x) / Math.log(y),
    }[name]!();
    if (!Number.isFinite(value)) throw new EvaluationFault(`Invalid argument of ${name.toUpperCase()}: ${renderScaled(a, 9)}`);
    return floatDecimal(value, 9, 'NUMERIC');
  }),
  native('gs_float_round', ['float', 'int'], 'float', (value: number, digits: bigint) => {
    if (!Number.isFinite(value) || digits > 308n) return value;
    if (digits < -308n) return 0;
    const d = Number(digits);
    if (d > 20 || Math.abs(value) > 1e15) return value;
    // The decimal text that the double stands for is rounded, so that 1.005 stays 1 and 2.675 stays 2.67 as its bits say.
    const scaled =
      d >= 0 ? divideRounded(scaleDouble(value, d + 30), pow10(30)) : divideRounded(scaleDouble(value, 30), pow10(30 - d)) * pow10(-d);
    return Number(`${renderScaled(scaled, Math.max(0, d))}`);
  }),
  native('gs_float_trunc', ['float', 'int'], 'float', (value: number, digits: bigint) => {
    if (!Number.isFinite(value) || digits > 20n) return value;
    if (digits < -308n) return 0;
    const d = Number(digits);
    const factor = 10 ** Math.abs(d);
    return d >= 0 ? Math.trunc(value * factor) / factor : Math.trunc(value / factor) * factor;
  }),
];
