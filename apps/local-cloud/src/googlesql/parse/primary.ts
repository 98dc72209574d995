/** What an operator stands between: literals, names, calls, constructors, CASE, CAST, subqueries. */
import type { Node } from './ast.ts';
import { parseCall } from './call.ts';
import { isIntervalCall, parseExtract, parseInterval } from './date-part.ts';
import { parseExpression, startsQuery } from './expression.ts';
import { SyntaxFault } from './fault.ts';
import type { Stream } from './stream.ts';
import { parseType } from './type.ts';

const TYPED = new Set(['DATE', 'TIME', 'DATETIME', 'TIMESTAMP', 'NUMERIC', 'DECIMAL', 'BIGNUMERIC', 'BIGDECIMAL', 'JSON']);

export function parsePrimary(s: Stream): Node {
  const t = s.token;
  const at = t.at;
  switch (t.kind) {
    case 'int':
    case 'float':
      s.next();
      return { k: t.kind, text: t.text, at };
    case 'string': {
      s.next();
      return { k: 'string', value: t.text, at };
    }
    case 'bytes':
      s.next();
      return { k: 'bytes', value: t.bytes!, at };
    case 'param':
      s.next();
      return { k: 'param', name: t.text, at };
    case 'sysvar':
      s.next();
      return { k: 'sysvar', name: t.text, at };
    case 'op':
      return parsePunctuation(s);
    case 'ident':
      return parseWord(s);
    case 'eof':
      throw s.unexpected();
  }
}

function parsePunctuation(s: Stream): Node {
  const at = s.at;
  if (s.accept('?')) return { k: 'param', index: s.positional++, at };
  if (s.accept('[')) {
    const items = s.is(']') ? [] : s.list(() => parseExpression(s));
    s.expect(']');
    return { k: 'arrayCtor', items, at };
  }
  if (!s.is('(')) throw s.unexpected();
  if (startsQuery({ peek: (i: number) => s.peek(i + 1) } as Stream)) {
    const mark = s.mark();
    s.next();
    try {
      const query = s.parseQuery(s);
      if (s.accept(')')) return { k: 'scalarQuery', query, at };
    } catch (error) {
      // `((select 1) + 1)` starts like a query: only then is another reading possible.
      if (s.tokens[mark + 1]?.word !== '(') throw error;
    }
    s.rewind(mark);
  }
  s.expect('(');
  const items = s.list(() => parseExpression(s));
  s.expect(')');
  if (items.length === 1) return items[0]!;
  return { k: 'structCtor', items: items.map((value) => ({ value })), tuple: true, at };
}

function parseWord(s: Stream): Node {
  const t = s.token;
  const at = t.at;
  const opens = s.peek().word === '(';
  switch (t.word) {
    case 'NULL':
      s.next();
      return { k: 'null', at };
    case 'TRUE':
    case 'FALSE':
      s.next();
      return { k: 'bool', value: t.word === 'TRUE', at };
    case 'DEFAULT':
      s.next();
      return { k: 'default', at };
    case 'CASE':
      return parseCase(s);
    case 'EXISTS': {
      s.next();
      s.expect('(');
      const query = s.parseQuery(s);
      s.expect(')');
      return { k: 'exists', query, at };
    }
    case 'ARRAY':
      return parseArray(s);
    case 'STRUCT':
      return parseStruct(s);
    case 'INTERVAL': {
      if (opens && !['SELECT', 'WITH'].includes(s.peek(2).word) && isIntervalCall(s)) break;
      return parseInterval(s);
    }
    case 'CAST':
    case 'SAFE_CAST':
      if (opens) return parseCast(s, t.word === 'SAFE_CAST');
      break;
    case 'EXTRACT':
      if (opens) return parseExtract(s);
      break;
    case 'IF':
    case 'LEFT':
    case 'RIGHT':
    case 'GROUPING':
      if (opens) {
        s.next();
        return parseCall(s, [t.text], at);
      }
      throw s.unexpected();
    case 'RANGE':
      if (s.peek().word === '<') {
        const type = parseType(s);
        if (s.token.kind !== 'string') throw s.unexpected('string literal');
        return { k: 'rangeLiteral', type, value: s.next().text, at };
      }
      if (opens) {
        s.next();
        return parseCall(s, [t.text], at);
      }
      break;
    case 'UNNEST':
      throw new SyntaxFault('Syntax error: Unexpected keyword UNNEST', at);
    case 'TABLE':
      if (s.peek().kind === 'ident') {
        s.next();
        return { k: 'table', path: s.path(), at };
      }
      break;
  }
  if (TYPED.has(t.word) && s.peek().kind === 'string') {
    s.next();
    const value = s.next().text;
    return { k: 'typed', type: t.word, value, at };
  }
  if (!s.isIdentifier()) throw s.unexpected();
  s.next();
  if (s.is('->')) {
    s.next();
    return { k: 'lambda', params: [t.text], body: parseExpression(s), at };
  }
  return s.is('(') ? parseCall(s, [t.text], at) : { k: 'name', name: t.text, at };
}

function parseCase(s: Stream): Node {
  const at = s.at;
  s.expect('CASE');
  const of = s.is('WHEN') ? undefined : parseExpression(s);
  const whens: { when: Node; value: Node }[] = [];
  while (s.accept('WHEN')) {
    const when = parseExpression(s);
    s.expect('THEN');
    whens.push({ when, value: parseExpression(s) });
  }
  if (whens.length === 0) throw s.unexpected('keyword WHEN');
  const otherwise = s.accept('ELSE') ? parseExpression(s) : undefined;
  s.expect('END');
  return { k: 'case', whens, at, ...(of && { of }), ...(otherwise && { otherwise }) };
}

function parseCast(s: Stream, safe: boolean): Node {
  const at = s.next().at;
  s.expect('(');
  const of = parseExpression(s);
  s.expect('AS');
  const type = parseType(s);
  const format = s.accept('FORMAT') ? parseExpression(s) : undefined;
  const zone = format && s.accept('AT', 'TIME', 'ZONE') ? parseExpression(s) : undefined;
  s.expect(')');
  return { k: 'cast', safe, of, type, at, ...(format && { format }), ...(zone && { zone }) };
}

function parseArray(s: Stream): Node {
  const at = s.at;
  if (s.peek().word === '(') {
    s.next();
    s.next();
    const query = s.parseQuery(s);
    s.expect(')');
    return { k: 'arrayQuery', query, at };
  }
  const type = s.peek().word === '<' ? parseType(s) : undefined;
  if (!type) s.next();
  s.expect('[');
  const items = s.is(']') ? [] : s.list(() => parseExpression(s));
  s.expect(']');
  return { k: 'arrayCtor', items, at, ...(type && { type }) };
}

function parseStruct(s: Stream): Node {
  const at = s.at;
  const type = s.peek().word === '<' ? parseType(s) : undefined;
  if (!type) s.next();
  s.expect('(');
  const items = s.is(')')
    ? []
    : s.list(() => {
        const value = parseExpression(s);
        return s.accept('AS') ? { value, name: s.identifier() } : { value };
      });
  s.expect(')');
  return { k: 'structCtor', items, tuple: false, at, ...(type && { type }) };
}
