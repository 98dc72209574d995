/**
 * CAST(number AS STRING FORMAT '9,999.99'): the numeric format model.
 *
 * 1. A number that does not fit is all `#`; nothing is cut off.
 * 2. The sign and the currency stand directly before the first digit; spaces fill up on the left.
 * 3. FLOAT64 is rounded half to even from its exact value, NUMERIC half away from zero, hexadecimal always half away from zero.
 */
import { parseBigDecimal, pow10, roundDouble } from './decimal.ts';
import { EvaluationFault, type NativeFunction, native } from './define.ts';

interface Model {
  /** Digits and group separators before the point. */
  readonly whole: string;
  /** Digits after the point or after V. */
  readonly fraction: string;
  readonly point: '.' | '';
  readonly sign: 'lead' | 'S' | 'end S' | 'MI' | 'PR';
  readonly currency: string;
  readonly exponent: boolean;
  readonly hex: 'x' | 'X' | '';
  readonly compact: boolean;
  readonly blank: boolean;
}

function parseModel(format: string): Model {
  const refuse = (why: string) => new EvaluationFault(`Error in format string: ${why}`);
  const found = /^(S)?((?:FM|B|[$CL]|[09XG,.DV])*)(EEEE)?(S|MI|PR)?$/i.exec(format);
  if (!found || (found[1] && found[4])) throw refuse(`Invalid format model: ${format}`);
  const body = found[2]!;
  const upper = body.toUpperCase();
  const digits = upper
    .replaceAll(/FM|[B$CL]/g, '')
    .replaceAll('D', '.')
    .replaceAll('G', ',');
  const hex = /X/.test(upper) ? (/x/.test(body) ? 'x' : 'X') : '';
  const parts = /^([09X,]*)(?:([.V])([09]*))?$/.exec(digits);
  if (!parts || !/[09X]/.test(digits) || (hex && (parts[2] || found[3] || /[,9]/.test(digits))))
    throw refuse(`Invalid format model: ${format}`);
  const currency = /[$CL]/.exec(upper)?.[0];
  return {
    whole: parts[1]!,
    fraction: parts[3] ?? '',
    point: parts[2] === '.' ? '.' : '',
    sign: found[1] ? 'S' : found[4]?.toUpperCase() === 'S' ? 'end S' : ((found[4]?.toUpperCase() as 'MI' | 'PR' | undefined) ?? 'lead'),
    currency: currency === undefined ? '' : currency === 'C' ? 'USD' : '$',
    exponent: found[3] !== undefined,
    hex,
    compact: upper.includes('FM'),
    blank: /B/.test(upper),
  };
}

/** The magnitude times 10^places, rounded. */
type Scale = (places: number) => bigint;

function fill(model: Model, scaled: bigint): { text: string; zero: boolean } {
  const { whole, fraction } = model;
  const places = fraction.length;
  const all = scaled.toString().padStart(places + 1, '0');
  const digits = all.slice(0, all.length - places);
  const slots = whole.replaceAll(',', '');
  const value = digits === '0' && slots.length === 0 ? '' : digits;
  if (value.length > slots.length) {
    return { text: (whole + model.point + fraction).replaceAll(/[09]/g, '#'), zero: false };
  }
  // Zeros are shown from the first 0 of the model on, and a lone zero where nothing else would be.
  const firstZero = slots.indexOf('0');
  const shownFrom = Math.min(
    firstZero < 0 ? slots.length : firstZero,
    value === '0' && (places > 0 || firstZero >= 0) ? slots.length : slots.length - value.length,
  );
  let k = 0;
  let text = '';
  for (const c of whole) {
    if (c === ',') text += text === '' ? '' : ',';
    else {
      if (k >= shownFrom) text += value.padStart(slots.length, '0')[k]!;
      k++;
    }
  }
  let tail = all.slice(all.length - places);
  if (places === 0) tail = '';
  if (model.compact) {
    while (tail.endsWith('0') && fraction[tail.length - 1] === '9') tail = tail.slice(0, -1);
    if (text === '' && tail === '') text = '0';
  }
  return { text: text + model.point + tail, zero: digits === '0' };
}

function scientific(model: Model, scale: Scale, magnitude: number): string {
  const places = model.fraction.length;
  let power = magnitude === 0 ? 0 : Math.floor(Math.log10(magnitude));
  const digitsAt = (p: number) => (places - p >= 0 ? scale(places - p) : (scale(0) + pow10(p - places) / 2n) / pow10(p - places));
  let digits = digitsAt(power).toString();
  if (digits.length > places + 1) digits = digitsAt(++power).toString();
  else if (magnitude !== 0 && digits.length < places + 1) digits = digitsAt(--power).toString();
  digits = digits.padStart(places + 1, '0');
  const exponent = `E${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  return digits.slice(0, 1) + model.point + digits.slice(1) + exponent;
}

function render(format: string, negative: boolean, scale: Scale, magnitude: number): string {
  const model = parseModel(format);
  const width = model.whole.length + model.point.length + model.fraction.length;
  let text: string;
  let zero = false;
  if (model.hex) {
    text = BigInt(Math.round(magnitude)).toString(16);
    if (text.length > model.whole.length) text = '#'.repeat(model.whole.length);
    else if (model.whole.includes('0')) text = text.padStart(model.whole.length - model.whole.indexOf('0'), '0');
    if (model.hex === 'X') text = text.toUpperCase();
  } else if (model.exponent) text = scientific(model, scale, magnitude);
  else ({ text, zero } = fill(model, scale(model.fraction.length)));
  const money = model.currency + text;
  const before = {
    lead: negative ? '-' : model.compact ? '' : ' ',
    S: negative ? '-' : '+',
    'end S': '',
    MI: '',
    PR: negative ? '<' : ' ',
  }[model.sign];
  const after = { lead: '', S: '', 'end S': negative ? '-' : '+', MI: negative ? '-' : ' ', PR: negative ? '>' : ' ' }[model.sign];
  const ends = model.sign === 'MI' || model.sign === 'end S' ? 0 : 1;
  const out = (before + money).padStart(model.exponent ? 0 : width + model.currency.length + ends) + after;
  if (model.blank && zero) return ' '.repeat(out.length);
  return model.compact ? out.trim() : out;
}

export const castNumberNatives: readonly NativeFunction[] = [
  native('gs_cast_number', ['text', 'text'], 'text', (text: string, format: string) => {
    const scale: Scale = (places) => {
      const value = parseBigDecimal(text, places);
      return value < 0n ? -value : value;
    };
    return render(format, text.startsWith('-'), scale, Math.abs(Number(text)));
  }),
  native('gs_cast_float', ['float', 'text'], 'text', (value: number, format: string) => {
    if (!Number.isFinite(value)) throw new EvaluationFault(`Cannot format ${value} with ${JSON.stringify(format)}`);
    return render(format, value < 0, (places) => roundDouble(Math.abs(value), places), Math.abs(value));
  }),
];
