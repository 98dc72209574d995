/** INTERVAL and EXTRACT with their date parts. */
import type { Node, PartNode } from './ast.ts';
import { parseBinary, parseExpression } from './expression.ts';
import type { Stream } from './stream.ts';

export function isIntervalCall(s: Stream): boolean {
  let depth = 0;
  for (let i = 1; ; i++) {
    const { word, kind } = s.peek(i);
    if (kind === 'eof') return false;
    if (word === '(') depth++;
    if (word === ')' && --depth === 0) return !(s.peek(i + 1).kind === 'ident' && PARTS.has(s.peek(i + 1).word));
  }
}

const PARTS = new Set(
  'MICROSECOND MILLISECOND SECOND MINUTE HOUR DAY WEEK ISOWEEK MONTH QUARTER YEAR ISOYEAR DAYOFWEEK DAYOFYEAR DATE TIME DATETIME NANOSECOND'.split(
    ' ',
  ),
);

export function parsePart(s: Stream): PartNode {
  const at = s.at;
  if (s.token.kind !== 'ident') throw s.unexpected('date part');
  const name = s.next().text.toUpperCase();
  if (name === 'WEEK' && s.accept('(')) {
    const weekday = s.identifier().toUpperCase();
    s.expect(')');
    return { name, weekday, at };
  }
  return { name, at };
}

export function parseInterval(s: Stream): Node {
  const at = s.at;
  s.expect('INTERVAL');
  const value = parseBinary(s, 5);
  const part = parsePart(s);
  return s.accept('TO') ? { k: 'interval', value, part, to: parsePart(s), at } : { k: 'interval', value, part, at };
}

export function parseExtract(s: Stream): Node {
  const at = s.next().at;
  s.expect('(');
  const part = parsePart(s);
  s.expect('FROM');
  const of = parseExpression(s);
  const zone = s.accept('AT', 'TIME', 'ZONE') ? parseExpression(s) : undefined;
  s.expect(')');
  return { k: 'extract', part, of, at, ...(zone && { zone }) };
}
