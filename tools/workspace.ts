/** Reads the sources of this repository for the guards. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Workspace } from './boundaries.ts';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const text = (path: string): string => readFileSync(join(root, path), 'utf8');
export const there = (path: string): boolean => existsSync(join(root, path));
export const list = (pattern: string): string[] => globSync(pattern, { cwd: root, exclude: ['**/node_modules/**'] }).sort();

export function readWorkspace(): Workspace {
  const files = Object.fromEntries(list('{apps,libs,tools}/**/*.ts').map((path) => [path, text(path)]));
  const declared = Object.fromEntries(
    list('{apps,libs}/*/package.json').map((path) => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(text(path)) as Record<string, Record<string, string>>;
      return [dirname(path), Object.keys({ ...dependencies, ...devDependencies })];
    }),
  );
  return { files, declared };
}
