/** GoogleSQL type text (`ARRAY<STRUCT<id STRING, n NUMERIC(10, 2)>>`) as a tree. */
export type SqlType =
  | { readonly kind: 'scalar'; readonly name: string; readonly text: string }
  | { readonly kind: 'array'; readonly of: SqlType }
  | { readonly kind: 'range'; readonly of: string }
  | { readonly kind: 'struct'; readonly fields: readonly { readonly name: string; readonly type: SqlType }[] };

const ALIASES: Readonly<Record<string, string>> = {
  INT: 'INT64',
  INTEGER: 'INT64',
  BOOLEAN: 'BOOL',
  FLOAT: 'FLOAT64',
  DECIMAL: 'NUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
};
const known = new Map<string, SqlType>();

export function sqlType(text: string): SqlType {
  const found = known.get(text);
  if (found) return found;
  const parser = new Parser(text);
  const type = parser.type();
  parser.end();
  if (known.size < 10_000) known.set(text, type);
  return type;
}

class Parser {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }
  type(): SqlType {
    const word = this.#word().toUpperCase();
    if (word === 'ARRAY') {
      this.#expect('<');
      const of = this.type();
      this.#expect('>');
      return { kind: 'array', of };
    }
    if (word === 'STRUCT' || word === 'RECORD') {
      this.#expect('<');
      const fields: { name: string; type: SqlType }[] = [];
      do fields.push({ name: this.#word(), type: this.type() });
      while (this.#skip(','));
      this.#expect('>');
      return { kind: 'struct', fields };
    }
    if (word === 'RANGE') {
      this.#expect('<');
      const of = this.#word().toUpperCase();
      this.#expect('>');
      return { kind: 'range', of };
    }
    const name = ALIASES[word] ?? word;
    const size = this.#match(/\s*(\([\d\s,]+\))/y)?.[1] ?? '';
    return { kind: 'scalar', name, text: name + size };
  }
  end(): void {
    if (this.#text.slice(this.#at).trim() !== '') this.#fail();
  }
  #word(): string {
    return this.#match(/\s*`?([A-Za-z_][A-Za-z0-9_]*)`?/y)?.[1] ?? this.#fail();
  }
  #skip(symbol: string): boolean {
    return this.#match(new RegExp(`\\s*\\${symbol}`, 'y')) !== undefined;
  }
  #expect(symbol: string): void {
    if (!this.#skip(symbol)) this.#fail();
  }
  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match ?? undefined;
  }
  #fail(): never {
    throw new TypeError(`not a GoogleSQL type: ${this.#text} (at ${this.#at})`);
  }
}

export interface RestField {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly description?: string;
  readonly precision?: string;
  readonly scale?: string;
  readonly maxLength?: string;
  readonly rangeElementType?: { readonly type: string };
  readonly fields?: readonly RestField[];
}

/** A column as tables.insert takes it. */
export function restField(name: string, type: SqlType, extra: { required?: boolean | undefined; description?: string } = {}): RestField {
  const described = extra.description === undefined ? {} : { description: extra.description };
  if (type.kind === 'array') {
    if (type.of.kind === 'array') throw new TypeError(`${name}: an array can't hold arrays`);
    return { ...restField(name, type.of, extra), mode: 'REPEATED', ...described };
  }
  const mode = extra.required ? 'REQUIRED' : 'NULLABLE';
  if (type.kind === 'struct')
    return { name, type: 'RECORD', mode, ...described, fields: type.fields.map((f) => restField(f.name, f.type)) };
  if (type.kind === 'range') return { name, type: 'RANGE', mode, ...described, rangeElementType: { type: type.of } };
  const sizes = /\(([^)]*)\)/
    .exec(type.text)?.[1]
    ?.split(',')
    .map((s) => s.trim());
  const [first, second] = sizes ?? [];
  const size =
    first === undefined
      ? {}
      : type.name.endsWith('NUMERIC')
        ? { precision: first, ...(second ? { scale: second } : {}) }
        : { maxLength: first };
  return { name, type: type.name, mode, ...size, ...described };
}

const FROM_REST: Readonly<Record<string, string>> = { INTEGER: 'INT64', FLOAT: 'FLOAT64', BOOLEAN: 'BOOL' };
/** The other way: GoogleSQL type text of a column that REST describes. */
export function typeTextOf(field: RestField): string {
  const inner =
    field.type === 'RECORD' || field.type === 'STRUCT'
      ? `STRUCT<${(field.fields ?? []).map((f) => `${f.name} ${typeTextOf(f)}`).join(', ')}>`
      : (FROM_REST[field.type] ?? field.type) +
        (field.rangeElementType ? `<${field.rangeElementType.type}>` : '') +
        (field.precision ? `(${field.precision}${field.scale ? `, ${field.scale}` : ''})` : field.maxLength ? `(${field.maxLength})` : '');
  return field.mode === 'REPEATED' ? `ARRAY<${inner}>` : inner;
}
