/** The parser's reading head: tokens, look-ahead, and the wording of syntax errors. Knows no rule of the grammar. */
import type { Query } from './ast.ts';
import { SyntaxFault } from './fault.ts';
import { type Token, tokenize } from './lexer.ts';

const RESERVED = new Set(
  `ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE CURRENT DEFAULT DEFINE DESC
DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE
IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER
PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED
UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN`.split(/\s+/),
);
/** Deeper nesting is refused so that hostile text cannot exhaust the stack. */
const MAX_DEPTH = 200;

export class Stream {
  readonly text: string;
  readonly tokens: readonly Token[];
  /** Set by ./query.ts: expressions contain queries and queries contain expressions. */
  readonly parseQuery: (s: Stream) => Query;
  positional = 0;
  private index = 0;
  private depth = 0;

  constructor(text: string, parseQuery: (s: Stream) => Query) {
    this.text = text;
    this.tokens = tokenize(text);
    this.parseQuery = parseQuery;
  }

  get token(): Token {
    return this.tokens[this.index]!;
  }
  get at(): number {
    return this.token.at;
  }
  get previousEnd(): number {
    return this.tokens[this.index - 1]?.end ?? 0;
  }
  peek(ahead = 1): Token {
    return this.tokens[Math.min(this.index + ahead, this.tokens.length - 1)]!;
  }
  mark(): number {
    return this.index;
  }
  rewind(mark: number): void {
    this.index = mark;
  }
  next(): Token {
    const token = this.token;
    if (token.kind !== 'eof') this.index++;
    return token;
  }

  /** Guards recursion: every rule that can contain itself runs inside. */
  nested<T>(rule: () => T): T {
    if (++this.depth > MAX_DEPTH) throw new SyntaxFault('Query is too deeply nested', this.at);
    try {
      return rule();
    } finally {
      this.depth--;
    }
  }

  is(...words: string[]): boolean {
    for (let i = 0; i < words.length; i++) if (this.peek(i).word !== words[i]) return false;
    return true;
  }
  isAny(...words: string[]): boolean {
    return words.includes(this.token.word);
  }
  accept(...words: string[]): boolean {
    if (!this.is(...words)) return false;
    this.index += words.length;
    return true;
  }
  /** True for the first word; the second may stand in its place and says the default. */
  either(word: string, byDefault: string): boolean {
    if (this.accept(word)) return true;
    this.accept(byDefault);
    return false;
  }
  expect(...words: string[]): void {
    for (const word of words) {
      if (this.token.word !== word) throw this.unexpected(/^[A-Z]/.test(word) ? `keyword ${word}` : `"${word}"`);
      this.index++;
    }
  }

  unexpected(wanted?: string): SyntaxFault {
    const t = this.token;
    const got =
      t.kind === 'eof'
        ? 'end of script'
        : t.kind === 'ident'
          ? t.word === ''
            ? `identifier \`${t.text}\``
            : RESERVED.has(t.word)
              ? `keyword ${t.word}`
              : `identifier "${t.text}"`
          : t.kind === 'string'
            ? `string literal ${JSON.stringify(t.text.slice(0, 40))}`
            : t.kind === 'bytes'
              ? 'bytes literal'
              : t.kind === 'int'
                ? `integer literal "${t.text}"`
                : t.kind === 'float'
                  ? `floating point literal "${t.text}"`
                  : t.kind === 'param'
                    ? `"@${t.text}"`
                    : `"${t.text}"`;
    return new SyntaxFault(wanted ? `Syntax error: Expected ${wanted} but got ${got}` : `Syntax error: Unexpected ${got}`, t.at);
  }

  isIdentifier(): boolean {
    const t = this.token;
    return t.kind === 'ident' && !(t.word !== '' && RESERVED.has(t.word));
  }
  identifier(what = 'identifier'): string {
    if (!this.isIdentifier()) throw this.unexpected(what);
    return this.next().text;
  }
  /** After a dot any word is a name. */
  anyName(): string {
    const t = this.token;
    if (t.kind === 'ident' || (t.kind === 'int' && /^\d/.test(t.text))) return this.next().text;
    throw this.unexpected('identifier');
  }

  /** `[AS] alias`; without AS only a word that cannot continue the clause. */
  alias(): string | undefined {
    if (this.accept('AS')) return this.identifier('identifier');
    if (!this.isIdentifier()) return undefined;
    if (this.isAny('QUALIFY', 'WINDOW', 'TABLESAMPLE') && this.token.word !== '') return undefined;
    return this.next().text;
  }

  list<T>(item: () => T): T[] {
    const out = [item()];
    while (this.accept(',')) out.push(item());
    return out;
  }
  /** `a.b-c.d`, `` `a.b`.c ``; a backtick identifier may hold dots. */
  path(): string[] {
    const parts: string[] = [];
    const part = (first: boolean) => {
      const t = this.token;
      if (first ? !this.isIdentifier() : t.kind !== 'ident' && t.kind !== 'int') throw this.unexpected('identifier');
      let text = this.next().text;
      if (t.word === '' && t.kind === 'ident') {
        parts.push(...text.split('.'));
        return;
      }
      while (
        this.token.word === '-' &&
        this.token.at === this.previousEnd &&
        this.peek().at === this.token.end &&
        ['ident', 'int'].includes(this.peek().kind)
      ) {
        this.next();
        text += `-${this.next().text}`;
      }
      if (this.token.word === '*' && this.token.at === this.previousEnd) text += this.next().text;
      parts.push(text);
    };
    part(true);
    while (this.token.word === '.') {
      this.next();
      part(false);
    }
    return parts;
  }
  get done(): boolean {
    return this.token.kind === 'eof';
  }
  end(): void {
    if (this.token.kind !== 'eof') throw this.unexpected('end of input');
  }
  slice(from: number, to: number): string {
    return this.text.slice(from, to);
  }
}
