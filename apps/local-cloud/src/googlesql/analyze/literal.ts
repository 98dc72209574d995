/** Literals: integers, typed literals, ranges. */
import type { SqlType } from '../contract.ts';
import type { Node } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { DecimalFault } from '../runtime/decimal.ts';
import { BIGNUMERIC, DATE, DATETIME, JSON_TYPE, NUMERIC, TIME, TIMESTAMP, typeFromNode } from '../sql-type.ts';
import { bigNumericLiteral, cast, coerce, numericLiteral } from './convert.ts';
import { intLiteral, nullOf, raw, stringLiteral, type Typed, textLiteral } from './typed.ts';
import type { Env } from './unit.ts';

export function integer(text: string, at: number): Typed {
  const negative = text.startsWith('-');
  const magnitude = BigInt(negative ? text.slice(1) : text);
  const value = negative ? -magnitude : magnitude;
  if (value > 9223372036854775807n || value < -9223372036854775808n) throw new SyntaxFault(`Invalid integer literal: ${text}`, at);
  return intLiteral(value);
}

const TYPED_LITERALS: Readonly<Record<string, SqlType>> = { DATE, TIME, DATETIME, TIMESTAMP };

export function typedLiteral(kind: string, value: string, at: number): Typed {
  if (kind === 'JSON') {
    try {
      JSON.parse(value);
    } catch {
      throw new SyntaxFault(`Invalid JSON literal: ${JSON.stringify(value)}`, at);
    }
    return raw(JSON_TYPE, `gs_parse_json(${textLiteral(value)}, 'exact')`);
  }
  try {
    const places = kind.startsWith('BIG') ? 38 : 9;
    if (
      /NUMERIC|DECIMAL/.test(kind) &&
      Number(/\.(\d*?)0*(?:e|$)/i.exec(value)?.[1]?.length ?? 0) - Number(/e([+-]?\d+)/i.exec(value)?.[1] ?? 0) > places
    )
      throw new DecimalFault();
    if (kind === 'NUMERIC' || kind === 'DECIMAL') return raw(NUMERIC, numericLiteral(value));
    if (kind === 'BIGNUMERIC' || kind === 'BIGDECIMAL') return raw(BIGNUMERIC, bigNumericLiteral(value));
  } catch (error) {
    if (error instanceof DecimalFault) throw new SyntaxFault(`Invalid ${kind} literal: ${JSON.stringify(value)}`, at);
    throw error;
  }
  const type = TYPED_LITERALS[kind]!;
  return raw(type, cast(stringLiteral(value), type, false).sql);
}

export function rangeLiteral(node: Node & { k: 'rangeLiteral' }, _env: Env): Typed {
  const type = typeFromNode(node.type);
  const found = /^\[\s*([^,]+?)\s*,\s*([^)]+?)\s*\)$/.exec(node.value);
  if (type.kind !== 'RANGE' || !found) throw new SyntaxFault(`Invalid RANGE literal: ${JSON.stringify(node.value)}`, node.at);
  const bound = (text: string) =>
    /^(UNBOUNDED|NULL)$/i.test(text) ? coerce(nullOf(type.element), type.element).sql : cast(stringLiteral(text), type.element, false).sql;
  const [start, end] = [bound(found[1]!), bound(found[2]!)];
  const wrong = `Invalid RANGE literal value: Range start element must be smaller than range end element`;
  return raw(type, `CASE WHEN ${start} >= ${end} THEN gs_fail('${wrong}') ELSE struct_pack("start" := ${start}, "end" := ${end}) END`);
}
