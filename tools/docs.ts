/** `npm run docs` writes the reference pages; pages whose declaration is gone go with it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { referencePages } from './reference/pages.ts';
import { list, root } from './workspace.ts';

const pages = referencePages();
for (const stale of list('docs/{events,steps,tables}/*.md').filter((path) => !pages.has(path))) rmSync(join(root, stale));
for (const [path, text] of pages) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
console.log(`${pages.size} pages written to docs/`);
