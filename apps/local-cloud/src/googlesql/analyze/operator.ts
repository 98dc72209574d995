/** Operators: the signature that fits, operands brought to one type. */
import type { SqlType } from '../contract.ts';
import { fill, once } from '../functions/call.ts';
import { operatorSignatures } from '../functions/operators.ts';
import { chooseSignature, commonType, costOf, describeArguments } from '../functions/signature.ts';
import type { Node } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { BOOL, STRING } from '../sql-type.ts';
import { asTexts, coerce } from './convert.ts';
import { floatLiteral, raw, type Typed } from './typed.ts';

/** What a NULL without a type would be compared or reckoned with is not known. */
export function notNull(op: string, ...operands: readonly Node[]): void {
  const literal = operands.find((o) => o.k === 'null');
  if (literal) throw new SyntaxFault(`Operands of ${op} cannot be literal NULL`, literal.at);
}

export function want(value: Typed, type: SqlType, at: number, where: string): Typed {
  if (costOf(value, type) === undefined) {
    throw new SyntaxFault(`No matching signature for ${where} for argument types: ${describeArguments([value])}`, at);
  }
  return coerce(value, type);
}

export function unify(values: readonly Typed[], where: string, at: number): Typed[] {
  const type = commonType(values);
  if (!type || values.some((v) => costOf(v, type) === undefined)) {
    throw new SyntaxFault(`No matching signature for operator ${where} for argument types: ${describeArguments(values)}`, at);
  }
  return values.map((v) => coerce(v, type));
}

export function negate(value: Typed, not: boolean): Typed {
  return not ? raw(BOOL, `(NOT ${value.sql})`) : value;
}

export function operator(op: string, args: readonly Typed[], at: number, lift: string): Typed {
  const signatures = operatorSignatures.get(op)!;
  const match = chooseSignature(signatures, args);
  const shown = op === '-x' ? '-' : op;
  const texts = !match && op === '||' ? asTexts(args) : undefined;
  if (texts) return raw(STRING, `(${texts.join(' || ')})`);
  if (!match) {
    throw new SyntaxFault(
      `No matching signature for operator ${shown} for argument types: ${describeArguments(args)}. Supported signature${signatures.length > 1 ? 's' : ''}: ${signatures
        .map((s) =>
          s.text
            .split('->')[0]!
            .trim()
            .replaceAll(/\bT\d?\b/g, 'ANY')
            .split(', ')
            .join(` ${shown} `),
        )
        .join('; ')}`,
      at,
    );
  }
  if (args.length === 1 && op === '-x' && args[0]!.digits !== undefined) return floatLiteral(`-${args[0]!.digits}`);
  const sql = args.map((a, i) => (match.types[i] ? coerce(a, match.types[i]) : a).sql);
  const { emit } = match.signature;
  if (typeof emit !== 'string')
    return raw(match.result!, emit(sql, { args, fault: (message: string) => new SyntaxFault(message, at) } as never));
  return raw(match.result!, /gs_|CASE/.test(emit) ? once(sql, lift, (s) => fill(emit, s)) : fill(emit, sql));
}
