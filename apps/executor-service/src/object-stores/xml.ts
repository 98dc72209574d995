/**
 * The XML that S3, STS and Azure Storage answer: elements that hold either elements or text, never both, so that a tag can be looked for
 * by its name. What others wrote (names of objects) is escaped in it.
 */

/** What is inside of each element of that name, with its attributes. */
export function elements(xml: string, name: string): { readonly inner: string; readonly attributes: string }[] {
  const found = xml.matchAll(new RegExp(`<${name}(\\s[^>]*)?>([^]*?)</${name}>`, 'g'));
  return [...found].map(([, attributes = '', inner = '']) => ({ attributes, inner }));
}

/** The text of the first element of that name; undefined when there is none or it is empty. */
export function textOf(xml: string, name: string): string | undefined {
  const inner = elements(xml, name)[0]?.inner;
  return inner ? unescaped(inner) : undefined;
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export const unescaped = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex?: string, decimal?: string, name?: string) =>
    name !== undefined ? (NAMED[name] ?? all) : String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)),
  );
