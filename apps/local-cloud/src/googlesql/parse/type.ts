/** Types as they are written: `ARRAY<STRUCT<a INT64>>`, `NUMERIC(10, 2)`. */
import type { TypeNode } from './ast.ts';
import { parseOptions } from './expression.ts';
import type { Stream } from './stream.ts';

export function parseType(s: Stream): TypeNode {
  return s.nested(() => {
    const at = s.at;
    const word = s.token.word;
    if (s.token.kind !== 'ident') throw s.unexpected('type');
    if (word === 'ARRAY' || word === 'RANGE') {
      s.next();
      s.expect('<');
      const element = parseType(s);
      closeAngle(s);
      return { k: word === 'ARRAY' ? 'array' : 'range', element, at };
    }
    if (word === 'STRUCT') {
      s.next();
      s.expect('<');
      const fields: { name: string; type: TypeNode }[] = [];
      if (!isCloseAngle(s)) {
        fields.push(
          ...s.list(() => {
            const named = s.isIdentifier() && s.peek().kind === 'ident';
            const name = named ? s.next().text : '';
            const type = parseType(s);
            const required = s.accept('NOT', 'NULL');
            return { name, type, ...(required && { required }), ...(s.is('OPTIONS') && { options: parseOptions(s) }) };
          }),
        );
      }
      closeAngle(s);
      return { k: 'struct', fields, at };
    }
    const name = word === 'INTERVAL' ? s.next().text : s.identifier('type');
    const parameters: number[] = [];
    if (s.accept('(')) {
      parameters.push(
        ...s.list(() => {
          if (s.token.kind !== 'int') {
            if (s.accept('MAX')) return Number.MAX_SAFE_INTEGER;
            throw s.unexpected('integer literal');
          }
          return Number(s.next().text);
        }),
      );
      s.expect(')');
    }
    if (s.accept('COLLATE')) s.next();
    return { k: 'simple', name, parameters, at };
  });
}

/** `>>` may close two types at once: the token is consumed by the outer one. */
const half = new WeakMap<Stream, number>();

function isCloseAngle(s: Stream): boolean {
  return s.is('>') || s.is('>>');
}

function closeAngle(s: Stream): void {
  if (s.is('>>')) {
    if (half.get(s) === s.mark()) {
      half.delete(s);
      s.next();
    } else half.set(s, s.mark());
    return;
  }
  s.expect('>');
}
