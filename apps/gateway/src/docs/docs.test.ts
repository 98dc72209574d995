import { readFile } from 'node:fs/promises';
import { runInNewContext } from 'node:vm';
import { OPERATIONS } from '@convergence/contracts';
import { expect, test } from '@jest/globals';
import { openapiDocument } from './openapi-document.ts';

/** What docs.js needs of an element. */
class Element {
  hidden = false;
  value = '';
  children: (Element | string)[] = [];
  readonly #listeners = new Map<string, () => void>();
  append(...children: (Element | string)[]) {
    this.children.push(...children);
  }
  replaceChildren(...children: (Element | string)[]) {
    this.children = children;
  }
  addEventListener(name: string, listener: () => void) {
    this.#listeners.set(name, listener);
  }
  type(text: string) {
    this.value = text;
    this.#listeners.get('input')?.();
  }
}

async function page(): Promise<(id: string) => Element> {
  const byId = new Map<string, Element>();
  const find = (id: string): Element => {
    const found = byId.get(id) ?? new Element();
    byId.set(id, found);
    return found;
  };
  runInNewContext(await readFile(new URL('./docs.js', import.meta.url), 'utf8'), {
    document: { getElementById: find, createElement: () => new Element() },
    sessionStorage: { getItem: () => null },
    location: { hash: '' },
    fetch: async () => ({ json: async () => openapiDocument(OPERATIONS, '0') }),
  });
  while (find('contents').children.length === 0) await new Promise(setImmediate);
  return find;
}
const elements = (list: readonly (Element | string)[]) => list.filter((one) => one instanceof Element);
/** Ids of the operations whose links are seen. */
const listed = (contents: Element) =>
  elements(contents.children)
    .filter((list) => !list.hidden)
    .flatMap((list) => elements(list.children).slice(1))
    .filter((link) => !link.hidden)
    .map((link) => String(link.children[0]));
const seen = (operations: Element) => elements(operations.children).filter((node) => !node.hidden).length;

test('the page lists every operation, and only those that are looked for, with their headings', async () => {
  const find = await page();
  const [contents, operations] = [find('contents'), find('operations')];
  const all = listed(contents);
  expect(all).toEqual(expect.arrayContaining(OPERATIONS.map(({ id }) => id)));
  const everything = seen(operations);
  find('filter').type('DEAD-letters');
  expect(listed(contents)).toEqual(['dead-letters.list', 'dead-letters.redrive']);
  // Two operations, below one heading.
  expect(seen(operations)).toBe(3);
  find('filter').type('no such thing');
  expect([listed(contents), seen(operations), elements(contents.children).filter((list) => !list.hidden)]).toEqual([[], 0, []]);
  find('filter').type('');
  expect([listed(contents), seen(operations)]).toEqual([all, everything]);
});
