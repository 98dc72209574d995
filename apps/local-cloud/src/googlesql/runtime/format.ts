/** FORMAT(): C's printf with %t and %T. Values arrive as texts beside their shapes (see ./json.ts). */

import { renderScaled, roundDouble } from './decimal.ts';
import { EvaluationFault, type NativeFunction, native } from './define.ts';
import { type Shape, shapeOf } from './json.ts';
import { parseJson, renderJson } from './json-value.ts';
import { textFloat } from './numbers.ts';

function quoted(text: string): string {
  const q = text.includes('"') && !text.includes("'") ? "'" : '"';
  let out = '';
  for (const c of text) {
    if (c === '\\' || c === q) out += `\\${c}`;
    else if (c === '\n') out += '\\n';
    else if (c === '\t') out += '\\t';
    else if (c === '\r') out += '\\r';
    else if (c < ' ' || c === '\x7f') out += `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
    else out += c;
  }
  return q + out + q;
}
function bytesText(base64: string): string {
  return [...Buffer.from(base64, 'base64')]
    .map((b) => (b >= 32 && b < 127 && b !== 92 ? String.fromCharCode(b) : `\\x${b.toString(16).padStart(2, '0')}`))
    .join('');
}

/** `%t` (plain) or `%T` (a GoogleSQL literal). */
export function render(value: unknown, shape: Shape, literal: boolean): string {
  if (value === null || value === undefined) return 'NULL';
  if (shape.k === 'ARRAY') {
    const { of } = shape as { of: Shape };
    return `[${(value as unknown[]).map((e) => render(e, of, literal)).join(', ')}]`;
  }
  if (shape.k === 'STRUCT') {
    const { fields } = shape as { fields: readonly [string, Shape][] };
    const values = Object.values(value as object);
    const inner = fields.map(([, s], i) => render(values[i], s, literal)).join(', ');
    return fields.length === 1 && literal ? `STRUCT(${inner})` : `(${inner})`;
  }
  const text = value as string;
  switch (shape.k) {
    case 'STRING':
      return literal ? quoted(text) : text;
    case 'BYTES':
      return literal ? `b${quotedBytes(text)}` : bytesText(text);
    case 'FLOAT64':
      if (/^-?(inf|nan)$/.test(text)) return literal ? `CAST("${text}" AS FLOAT64)` : text;
      return /[.e]/.test(text) ? text : `${text}.0`;
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return literal ? `${shape.k} "${text}"` : text;
    case 'DATE':
    case 'TIME':
    case 'DATETIME':
    case 'TIMESTAMP':
      return literal ? `${shape.k} "${text}"` : text;
    case 'INTERVAL':
      return literal ? `INTERVAL "${text}" YEAR TO SECOND` : text;
    case 'JSON':
      return literal ? `JSON ${quoted(text)}` : text;
    default:
      return text;
  }
  function quotedBytes(t: string): string {
    const body = bytesText(t);
    const q = body.includes('"') ? (body.includes("'") ? '"' : "'") : '"';
    return q + body.replaceAll(q, `\\${q}`) + q;
  }
}

function group(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

function exponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

function fixed(value: number, precision: number): string {
  return renderFixed(roundDouble(value, precision), precision);
}
function renderFixed(scaled: bigint, precision: number): string {
  const text = renderScaled(scaled, precision);
  if (precision === 0) return text;
  const [whole, frac = ''] = text.split('.') as [string, string?];
  return `${whole}.${frac.padEnd(precision, '0')}`;
}

function number(value: number, flags: string, precision: number | undefined, verb: string): string {
  if (!Number.isFinite(value)) {
    const t = Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
    return /[A-Z]/.test(verb) ? t.toUpperCase() : t;
  }
  const p = precision ?? 6;
  let text: string;
  switch (verb.toLowerCase()) {
    case 'f':
      text = fixed(value, p);
      break;
    case 'e':
      text = exponent(value.toExponential(Math.min(p, 100)));
      break;
    default: {
      const significant = p === 0 ? 1 : p;
      const power = value === 0 ? 0 : Number(value.toExponential(significant - 1).split('e')[1]);
      if (power < -4 || power >= significant) {
        text = value.toExponential(significant - 1);
        if (!flags.includes('#')) text = text.replace(/\.?0+e/, 'e');
        text = exponent(text);
      } else {
        text = fixed(value, significant - 1 - power);
        if (!flags.includes('#') && text.includes('.')) text = text.replace(/\.?0+$/, '');
      }
    }
  }
  return /[A-Z]/.test(verb) ? text.toUpperCase() : text;
}

function pad(text: string, flags: string, width: number, numeric: boolean): string {
  const length = [...text].length;
  if (length >= width) return text;
  const missing = width - length;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (flags.includes('0') && numeric) {
    const sign = /^[+\- ]|^0[xX]/.exec(text)?.[0] ?? '';
    return sign + '0'.repeat(missing) + text.slice(sign.length);
  }
  return ' '.repeat(missing) + text;
}

export function formatText(format: string, shapes: readonly Shape[], values: readonly (string | null)[]): string | null {
  let next = 0;
  let nulls = false;
  const take = (): { shape: Shape; value: string | null } => {
    if (next >= shapes.length)
      throw new EvaluationFault(`Invalid format string ${JSON.stringify(format)}: Too few arguments to FORMAT for pattern`);
    return { shape: shapes[next]!, value: values[next++]! };
  };
  const star = (text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    if (text !== '*') return Number(text);
    const { value } = take();
    return Number(value);
  };
  const out = format.replace(
    /%([-+ #0']*)(\d+|\*)?(?:\.(\d+|\*)?)?([a-zA-Z%])|%/g,
    (whole, flags: string, w: string | undefined, p: string | undefined, verb: string | undefined) => {
      if (verb === undefined) throw new EvaluationFault(`Invalid format specifier in ${JSON.stringify(format)}`);
      if (verb === '%') return '%';
      let useFlags = flags;
      let width = star(w) ?? 0;
      if (width < 0) {
        useFlags += '-';
        width = -width;
      }
      const hasPrecision = /\./.test(whole);
      const precision = hasPrecision ? (star(p) ?? 0) : undefined;
      const { shape, value } = take();
      if ('tT'.includes(verb)) {
        const text =
          value === null ? 'NULL' : render(shape.k === 'ARRAY' || shape.k === 'STRUCT' ? JSON.parse(value) : value, shape, verb === 'T');
        return pad(precision === undefined ? text : [...text].slice(0, precision).join(''), useFlags, width, false);
      }
      if (value === null) {
        nulls = true;
        return '';
      }
      const numericText = (text: string) => {
        const signed = !text.startsWith('-') && (useFlags.includes('+') ? `+${text}` : useFlags.includes(' ') ? ` ${text}` : text);
        return signed === false ? text : signed;
      };
      const mismatch = () =>
        new EvaluationFault(
          `Invalid type for argument ${next + 1} to FORMAT; Expected ${'diouxX'.includes(verb) ? 'integer' : 's' === verb ? 'string' : 'floating point'}; Got ${shape.k}`,
        );
      switch (verb) {
        case 'd':
        case 'i': {
          if (shape.k !== 'INT64') throw mismatch();
          let text = value;
          if (precision !== undefined) text = text.replace(/\d+/, (d) => d.padStart(precision, '0'));
          if (useFlags.includes("'")) text = text.replace(/\d+/, group);
          return pad(numericText(text), precision === undefined ? useFlags : useFlags.replaceAll('0', ''), width, true);
        }
        case 'u':
        case 'o':
        case 'x':
        case 'X': {
          if (shape.k !== 'INT64') throw mismatch();
          const n = BigInt(value);
          let text = (n < 0n ? -n : n).toString(verb === 'o' ? 8 : verb === 'u' ? 10 : 16);
          if (useFlags.includes("'")) text = text.replace(/\B(?=([0-9a-f]{4})+$)/g, verb === 'o' || verb === 'u' ? ',' : ':');
          if (useFlags.includes('#')) text = (verb === 'o' ? '0' : verb === 'u' ? '' : '0x') + text;
          text = (n < 0n ? '-' : '') + text;
          return pad(numericText(verb === 'X' ? text.toUpperCase() : text), useFlags, width, true);
        }
        case 'f':
        case 'F':
        case 'e':
        case 'E':
        case 'g':
        case 'G': {
          if (!['FLOAT64', 'NUMERIC', 'BIGNUMERIC', 'INT64'].includes(shape.k)) throw mismatch();
          let text: string;
          if (shape.k !== 'FLOAT64' && 'fF'.includes(verb)) {
            const [whole, frac = ''] = value.split('.') as [string, string?];
            const digits = BigInt(whole.replace('-', '') + frac.padEnd(38, '0'));
            const places = precision ?? 6;
            const drop = 38 - places;
            const unit = 10n ** BigInt(drop);
            const rounded = (digits * 2n + unit) / (unit * 2n);
            text = (value.startsWith('-') && rounded !== 0n ? '-' : '') + renderFixed(rounded, places);
          } else text = number(textFloat(value) ?? Number.NaN, useFlags, precision, verb);
          if (useFlags.includes('#') && /\d/.test(text) && !text.includes('.')) text = text.replace(/^-?\d+/, '$&.');
          if (useFlags.includes("'")) text = text.replace(/\d+/, group);
          return pad(numericText(text), useFlags, width, /\d/.test(text));
        }
        case 's': {
          if (shape.k !== 'STRING' && shape.k !== 'BYTES') throw mismatch();
          const text = shape.k === 'BYTES' ? bytesText(value) : value;
          return pad(precision === undefined ? text : [...text].slice(0, precision).join(''), useFlags, width, false);
        }
        case 'p':
        case 'P': {
          if (shape.k !== 'JSON') throw mismatch();
          const json = parseJson(value) ?? null;
          return verb === 'p' ? renderJson(json, false) : JSON.stringify(JSON.parse(value), null, 2);
        }
        default:
          throw new EvaluationFault(`Invalid format specifier %${verb} in ${JSON.stringify(format)}`);
      }
    },
  );
  if (next < shapes.length)
    throw new EvaluationFault(`Invalid format string ${JSON.stringify(format)}: Too many arguments to FORMAT for pattern`);
  return nulls ? null : out;
}

export const formatFunctions: readonly NativeFunction[] = [
  native('gs_format', ['text', 'text', 'texts'], 'text', (format: string, shapes: string, values: readonly (string | null)[]) =>
    formatText(format, (shapeOf(shapes) as unknown as { list: readonly Shape[] }).list, values),
  ),
];
