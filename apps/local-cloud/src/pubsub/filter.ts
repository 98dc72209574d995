/**
 * Subscription filters: `attributes:key`, `attributes.key = "v"`, `!=`, `hasPrefix(attributes.key, "p")`, AND, OR, NOT (also `-`), parentheses.
 *
 * 1. AND and OR are not mixed on one level without parentheses, as Google documents.
 * 2. `!=` is NOT (=): it holds for messages that lack the attribute, too.
 * 3. What does not parse is refused when the subscription is created, never ignored.
 */
export type Filter = (attributes: ReadonlyMap<string, string>) => boolean;

export class BadFilter extends Error {}

const TOKEN = /\s*(?:(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<symbol>!=|[=():.,-])|(?<word>[A-Za-z_][A-Za-z0-9_-]*))/y;

export function compileFilter(text: string): Filter {
  const tokens = tokenize(text);
  let at = 0;
  const peek = (): string | undefined => tokens[at];
  const take = (expected?: string): string => {
    const token = tokens[at];
    if (token === undefined || (expected !== undefined && token !== expected)) {
      throw new BadFilter(`expected ${expected ?? 'more'} but found ${token ?? 'the end'}`);
    }
    at++;
    return token;
  };

  const expression = (): Filter => {
    const terms = [term()];
    const operator = peek();
    if (operator === 'AND' || operator === 'OR') {
      while (peek() === operator) {
        take();
        terms.push(term());
      }
      if (peek() === 'AND' || peek() === 'OR') {
        throw new BadFilter('AND and OR need parentheses when both are used');
      }
    }
    return operator === 'OR' ? (a) => terms.some((t) => t(a)) : (a) => terms.every((t) => t(a));
  };

  const term = (): Filter => {
    if (peek() === 'NOT' || peek() === '-') {
      take();
      const inner = term();
      return (a) => !inner(a);
    }
    if (peek() === '(') {
      take();
      const inner = expression();
      take(')');
      return inner;
    }
    if (peek() === 'hasPrefix') {
      take();
      take('(');
      take('attributes');
      take('.');
      const key = name(take());
      take(',');
      const prefix = literal(take());
      take(')');
      return (a) => a.get(key)?.startsWith(prefix) ?? false;
    }
    take('attributes');
    if (peek() === ':') {
      take();
      const key = name(take());
      return (a) => a.has(key);
    }
    take('.');
    const key = name(take());
    const operator = take();
    if (operator !== '=' && operator !== '!=') {
      throw new BadFilter(`expected = or != but found ${operator}`);
    }
    const value = literal(take());
    return operator === '=' ? (a) => a.get(key) === value : (a) => a.get(key) !== value;
  };

  const filter = expression();
  if (at < tokens.length) {
    throw new BadFilter(`unexpected ${tokens[at]}`);
  }
  return filter;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(text);
    if (match === null) {
      throw new BadFilter('unreadable');
    }
    tokens.push(match[0].trim());
  }
  return tokens;
}

function name(token: string): string {
  if (/^["']/.test(token)) {
    return literal(token);
  }
  if (!/^[A-Za-z_]/.test(token)) {
    throw new BadFilter(`${token} is not an attribute key`);
  }
  return token;
}

function literal(token: string): string {
  if (!/^["']/.test(token)) {
    throw new BadFilter(`${token} is not a quoted string`);
  }
  return token.slice(1, -1).replace(/\\(.)/g, '$1');
}
