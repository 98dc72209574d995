/**
 * GoogleSQL's lexical structure: text in, tokens with offsets out. Knows no grammar.
 *
 * 1. Every byte of the text belongs to a token, to white space or to a comment; anything else is a syntax error.
 * 2. String and bytes literals arrive decoded: quotes, prefixes and escapes never reach the parser.
 */
import { SyntaxFault } from './fault.ts';

export type TokenKind = 'ident' | 'string' | 'bytes' | 'int' | 'float' | 'param' | 'sysvar' | 'op' | 'eof';
export interface Token {
  readonly kind: TokenKind;
  /** Identifier or operator as written, decoded string, digits of a number, name of a parameter. */
  readonly text: string;
  /** Upper-case text of an unquoted identifier, the operator itself, else ''. */
  readonly word: string;
  readonly bytes?: Uint8Array;
  readonly at: number;
  readonly end: number;
}

const OPERATORS = ['@@', '<=>', '||', '<<', '>>', '<=', '>=', '<>', '!=', '=>', '->', '|>', '+=', '-='];
const SINGLE = '+-*/~&|^=<>(),.[]{}:;?@!$%';
const idStart = (c: string) => /[A-Za-z_\u0080-\uffff]/.test(c);
const idPart = (c: string) => /[A-Za-z0-9_\u0080-\uffff]/.test(c);
const digit = (c: string) => c >= '0' && c <= '9';

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let i = 0;
  const n = text.length;
  const push = (kind: TokenKind, value: string, word: string, at: number, end: number, bytes?: Uint8Array) => {
    tokens.push(bytes ? { kind, text: value, word, at, end, bytes } : { kind, text: value, word, at, end });
  };
  while (i < n) {
    const c = text[i]!;
    if (/\s/.test(c) || c === '\ufeff') {
      i++;
      continue;
    }
    if (c === '#' || (c === '-' && text[i + 1] === '-')) {
      while (i < n && text[i] !== '\n') i++;
      continue;
    }
    if (c === '/' && text[i + 1] === '*') {
      const close = text.indexOf('*/', i + 2);
      if (close < 0) throw new SyntaxFault('Syntax error: Unclosed comment', i);
      i = close + 2;
      continue;
    }
    const literal = readString(text, i);
    if (literal) {
      push(literal.bytes ? 'bytes' : 'string', literal.text, '', i, literal.end, literal.bytes);
      i = literal.end;
      continue;
    }
    if (c === '`') {
      const { value, end } = readQuotedIdentifier(text, i);
      push('ident', value, '', i, end);
      i = end;
      continue;
    }
    if (idStart(c)) {
      let j = i + 1;
      while (j < n && idPart(text[j]!)) j++;
      push('ident', text.slice(i, j), text.slice(i, j).toUpperCase(), i, j);
      i = j;
      continue;
    }
    const previous = tokens[tokens.length - 1];
    const afterDot = previous?.kind === 'op' && previous.text === '.' && previous.end === i;
    if (digit(c) || (c === '.' && digit(text[i + 1] ?? '') && !(previous && previous.end === i && previous.kind !== 'op'))) {
      const dashed = dashedPart(text, i, tokens);
      if (dashed) {
        push('ident', dashed, '', i, i + dashed.length);
        i += dashed.length;
        continue;
      }
      i = readNumber(text, i, afterDot, push);
      continue;
    }
    if (c === '@') {
      const system = text[i + 1] === '@';
      let j = i + (system ? 2 : 1);
      if (!system && text[j] === '`') {
        const { value, end } = readQuotedIdentifier(text, j);
        push('param', value, '', i, end);
        i = end;
        continue;
      }
      const from = j;
      while (j < n && (idPart(text[j]!) || (system && text[j] === '.'))) j++;
      if (j > from) {
        push(system ? 'sysvar' : 'param', text.slice(from, j), '', i, j);
        i = j;
        continue;
      }
    }
    const op = OPERATORS.find((o) => text.startsWith(o, i)) ?? (SINGLE.includes(c) ? c : undefined);
    if (!op) throw new SyntaxFault(`Syntax error: Illegal input character ${JSON.stringify(c)}`, i);
    push('op', op, op, i, i + op.length);
    i += op.length;
  }
  push('eof', '', '', n, n);
  return tokens;
}

/** `my-project-123.dataset.table`: digits glued to a dash that is glued to an identifier, before a dot and a letter, belong to a path. */
function dashedPart(text: string, at: number, tokens: readonly Token[]): string | undefined {
  const dash = tokens[tokens.length - 1];
  const before = tokens[tokens.length - 2];
  if (!dash || !before || dash.text !== '-' || dash.end !== at || before.end !== dash.at || before.kind !== 'ident') return undefined;
  return /^[0-9][A-Za-z0-9_]*(?=(?:-[A-Za-z0-9_]+)*\.[A-Za-z_`])/.exec(text.slice(at, at + 64))?.[0];
}

function readNumber(
  text: string,
  start: number,
  afterDot: boolean,
  push: (kind: TokenKind, value: string, word: string, at: number, end: number) => void,
): number {
  let i = start;
  const n = text.length;
  if (text[i] === '0' && /[xX]/.test(text[i + 1] ?? '')) {
    let j = i + 2;
    while (j < n && /[0-9a-fA-F]/.test(text[j]!)) j++;
    if (j === i + 2) throw new SyntaxFault('Syntax error: Invalid hexadecimal integer literal', i);
    push('int', text.slice(i, j), '', start, j);
    return j;
  }
  while (i < n && digit(text[i]!)) i++;
  let float = false;
  if (!afterDot && text[i] === '.') {
    float = true;
    i++;
    while (i < n && digit(text[i]!)) i++;
  }
  const exponent = /^[eE][+-]?\d+/.exec(text.slice(i, i + 12));
  if (!afterDot && exponent) {
    float = true;
    i += exponent[0].length;
  }
  if (i < n && idStart(text[i]!)) {
    if (afterDot) {
      while (i < n && idPart(text[i]!)) i++;
      push('ident', text.slice(start, i), '', start, i);
      return i;
    }
    throw new SyntaxFault('Syntax error: Missing whitespace between literal and alias', i);
  }
  push(float ? 'float' : 'int', text.slice(start, i), '', start, i);
  return i;
}

function readQuotedIdentifier(text: string, start: number): { value: string; end: number } {
  let i = start + 1;
  while (i < text.length && text[i] !== '`' && text[i] !== '\n') i += text[i] === '\\' ? 2 : 1;
  if (text[i] !== '`') throw new SyntaxFault('Syntax error: Unclosed identifier literal', start);
  const raw = text.slice(start + 1, i);
  if (raw === '') throw new SyntaxFault('Syntax error: Invalid empty identifier', start);
  return { value: raw.includes('\\') ? decodeEscapes(raw, start + 1, false) : raw, end: i + 1 };
}

function readString(text: string, start: number): { text: string; bytes?: Uint8Array; end: number } | undefined {
  const prefix = /^(?:[rR][bB]?|[bB][rR]?)?(?='|")/.exec(text.slice(start, start + 3));
  if (!prefix) return undefined;
  const flags = prefix[0].toLowerCase();
  const raw = flags.includes('r');
  const isBytes = flags.includes('b');
  const kind = isBytes ? 'bytes' : 'string';
  let i = start + flags.length;
  const quote = text[i]!;
  const triple = text.startsWith(quote.repeat(3), i);
  const close = triple ? quote.repeat(3) : quote;
  i += close.length;
  const from = i;
  for (;;) {
    if (i >= text.length || (!triple && (text[i] === '\n' || text[i] === '\r'))) {
      throw new SyntaxFault(`Syntax error: Unclosed ${triple ? 'triple-quoted ' : ''}${kind} literal`, start);
    }
    if (text.startsWith(close, i)) break;
    i += text[i] === '\\' ? 2 : 1;
  }
  const inner = text.slice(from, i).replace(/\r\n?/g, '\n');
  if (!isBytes) return { text: raw ? inner : decodeEscapes(inner, from, false), end: i + close.length };
  const decoded = raw ? inner : decodeEscapes(inner, from, true);
  const bytes = raw ? new TextEncoder().encode(inner) : Uint8Array.from(decoded, (ch) => ch.charCodeAt(0));
  return { text: decoded, bytes, end: i + close.length };
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
};

/** For bytes the result has one character per byte (0-255). */
function decodeEscapes(body: string, at: number, asBytes: boolean): string {
  let out = '';
  for (let i = 0; i < body.length; i++) {
    const c = body[i]!;
    if (c !== '\\') {
      if (asBytes && c.charCodeAt(0) > 127) {
        const point = String.fromCodePoint(body.codePointAt(i)!);
        for (const b of new TextEncoder().encode(point)) out += String.fromCharCode(b);
        i += point.length - 1;
      } else out += c;
      continue;
    }
    const e = body[++i] ?? '';
    if (e in SIMPLE) {
      out += SIMPLE[e];
      continue;
    }
    const take = (pattern: RegExp, length: number): string => {
      const found = pattern.exec(body.slice(i, i + length));
      if (!found) throw new SyntaxFault(`Syntax error: Illegal escape sequence: \\${e}`, at + i - 1);
      i += found[0].length - 1;
      return found[0];
    };
    let code: number;
    if (/[0-7]/.test(e)) code = Number.parseInt(take(/^[0-7]{3}/, 3), 8);
    else if (e === 'x' || e === 'X') code = Number.parseInt(take(/^[xX][0-9a-fA-F]{2}/, 3).slice(1), 16);
    else if (e === 'u' && !asBytes) code = Number.parseInt(take(/^u[0-9a-fA-F]{4}/, 5).slice(1), 16);
    else if (e === 'U' && !asBytes) code = Number.parseInt(take(/^U[0-9a-fA-F]{8}/, 9).slice(1), 16);
    else throw new SyntaxFault(`Syntax error: Illegal escape sequence: \\${e}`, at + i - 1);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      throw new SyntaxFault(`Syntax error: Illegal escape sequence: Value of \\${e} exceeds Unicode`, at + i - 1);
    }
    out += asBytes ? String.fromCharCode(code) : String.fromCodePoint(code);
  }
  return out;
}
