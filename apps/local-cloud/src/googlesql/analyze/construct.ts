/** CAST, and the constructors of arrays and structs. */
import type { SqlType } from '../contract.ts';
import { commonType, costOf } from '../functions/signature.ts';
import type { Node } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { arrayOf, formatType, physicalType, structOf, typeFromNode } from '../sql-type.ts';
import { analyzeCall } from './call.ts';
import { CastRefused, cast, coerce, packStruct } from './convert.ts';
import { inferName } from './names.ts';
import { emptyArray, raw, type Typed } from './typed.ts';
import type { Env } from './unit.ts';

export function analyzeCast(node: Node & { k: 'cast' }, env: Env): Typed {
  const of = env.unit.analyze(node.of, env);
  const type = typeFromNode(node.type);
  if (node.format) {
    const args: Node[] = [node.of, { k: 'string', value: formatType(type), at: node.at }, node.format, ...(node.zone ? [node.zone] : [])];
    return analyzeCall(
      { k: 'call', path: [`CAST FORMAT`], safe: node.safe, args, named: [], distinct: false, order: [], at: node.at },
      env,
      env.unit.analyze,
    );
  }
  try {
    const out = cast(of, type, node.safe);
    const limits = node.type.k === 'simple' && node.type.parameters.length > 0 ? constrain(out, node.type.parameters, node.safe) : out;
    const literal = typeof of.literal === 'string' && node.of.k === 'string' && type.kind === 'STRING' ? {} : {};
    return { ...limits, ...literal };
  } catch (error) {
    if (error instanceof CastRefused) throw new SyntaxFault(error.message, node.at);
    throw error;
  }
}

/** STRING(10), NUMERIC(10, 2): numbers are rounded to the scale, longer values are refused. */
export function constrain(value: Typed, [length, scale]: readonly number[], safe: boolean): Typed {
  const wrap = (sql: string) => raw(value.type, safe ? `TRY(${sql})` : sql);
  if (value.type.kind === 'STRING' || value.type.kind === 'BYTES')
    return wrap(
      `gs_limit_length(${value.sql}, ${length})`.replace(
        'gs_limit_length',
        value.type.kind === 'STRING' ? 'gs_limit_text' : 'gs_limit_bytes',
      ),
    );
  if (value.type.kind === 'NUMERIC')
    return wrap(`CAST(CAST(${value.sql} AS DECIMAL(${Math.min(38, length!)}, ${scale ?? 0})) AS DECIMAL(38,9))`);
  return value;
}

export function analyzeArray(node: Node & { k: 'arrayCtor' }, env: Env): Typed {
  const items = node.items.map((n) => env.unit.analyze(n, env));
  let element: SqlType | undefined;
  if (node.type) {
    const type = typeFromNode(node.type);
    element = type.kind === 'ARRAY' ? type.element : undefined;
  } else {
    if (items.length === 0) return emptyArray();
    element = commonType(items);
  }
  if (element?.kind === 'ARRAY') {
    throw new SyntaxFault(
      `Cannot construct array with element type ${formatType(element)} because nested arrays are not supported`,
      node.at,
    );
  }
  if (!element || items.some((i) => costOf(i, element) === undefined)) {
    throw new SyntaxFault(
      `Array elements of types {${[...new Set(items.map((i) => formatType(i.type)))].join(', ')}} do not have a common supertype`,
      node.at,
    );
  }
  const type = arrayOf(element);
  const converted = items.map((i) => coerce(i, element));
  return { type, sql: `CAST([${converted.map((i) => i.sql).join(', ')}] AS ${physicalType(type)})`, ...(!node.type && { items }) };
}

export function analyzeStruct(node: Node & { k: 'structCtor' }, env: Env): Typed {
  const items = node.items.map((i) => env.unit.analyze(i.value, env));
  if (node.type) {
    const type = typeFromNode(node.type);
    if (type.kind !== 'STRUCT') throw new SyntaxFault('Struct type expected', node.at);
    if (type.fields.length !== items.length) {
      throw new SyntaxFault(`STRUCT type has ${type.fields.length} fields but constructor call has ${items.length} fields`, node.at);
    }
    const converted = items.map((item, i) => {
      const field = type.fields[i]!;
      if (costOf(item, field.type) === undefined) {
        throw new SyntaxFault(
          `Struct constructor argument type ${formatType(item.type)} cannot be coerced to field type ${formatType(field.type)}`,
          node.items[i]!.value.at,
        );
      }
      return coerce(item, field.type);
    });
    return raw(type, packStruct(type, converted));
  }
  const type = structOf(
    items.map((item, i) => ({ name: node.items[i]!.name ?? (node.tuple ? '' : (inferName(node.items[i]!.value) ?? '')), type: item.type })),
  ) as SqlType & { kind: 'STRUCT' };
  return { type, sql: packStruct(type, items), items };
}
