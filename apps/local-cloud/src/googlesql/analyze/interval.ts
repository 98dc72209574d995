/** Date parts and INTERVAL literals. */

import { costOf } from '../functions/signature.ts';
import type { Node, PartNode } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { parseInterval } from '../runtime/interval.ts';
import { INT64, INTERVAL, STRING } from '../sql-type.ts';
import { coerce } from './convert.ts';
import { raw, type Typed } from './typed.ts';

export interface IntervalTyped extends Typed {
  /** `INTERVAL n PART`: DATE_ADD and its kin look at the part. */
  readonly interval: { readonly amount: string; readonly part: string };
}

export function partText(part: PartNode): string {
  return part.weekday ? `${part.name}(${part.weekday})` : part.name;
}

const MAKERS: Readonly<Record<string, string>> = {
  MICROSECOND: 'to_microseconds',
  MILLISECOND: 'to_milliseconds',
  SECOND: 'to_seconds',
  MINUTE: 'to_minutes',
  HOUR: 'to_hours',
  DAY: 'to_days',
  WEEK: 'to_weeks',
  MONTH: 'to_months',
  QUARTER: 'to_quarters',
  YEAR: 'to_years',
};
export function makeInterval(amount: string, part: string): string | undefined {
  const maker = MAKERS[part];
  if (!maker) return undefined;
  const large = ['MICROSECOND', 'MILLISECOND', 'SECOND', 'MINUTE', 'HOUR'].includes(part);
  if (part === 'MILLISECOND') return `to_microseconds((${amount}) * 1000)`;
  if (part === 'QUARTER') return `to_months(CAST((${amount}) * 3 AS INTEGER))`;
  return `${maker}(${large ? amount : `CAST(${amount} AS INTEGER)`})`;
}

export function intervalLiteral(node: Node & { k: 'interval' }, analyze: (n: Node) => Typed): Typed {
  const value = analyze(node.value);
  if (node.to || (value.type.kind === STRING.kind && typeof value.literal === 'string')) {
    const parsed = typeof value.literal === 'string' ? parseInterval(value.literal, node.part.name, node.to?.name) : undefined;
    if (!parsed) throw new SyntaxFault(`Invalid INTERVAL literal`, node.at);
    const { months, days, micros } = parsed;
    return raw(INTERVAL, `(to_months(${months}) + to_days(${days}) + to_microseconds(${micros}::BIGINT))`);
  }
  if (costOf(value, INT64) === undefined) throw new SyntaxFault('Interval value must be coercible to INT64 type', node.value.at);
  const amount = coerce(value, INT64).sql;
  const sql = makeInterval(amount, node.part.name);
  if (!sql) throw new SyntaxFault(`Interval literals with ${partText(node.part)} are not supported`, node.part.at);
  const typed: IntervalTyped = { ...raw(INTERVAL, sql), interval: { amount, part: node.part.name } };
  return typed;
}
