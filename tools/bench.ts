/** `npm run bench -- NAME [options]` runs tools/bench/NAME.ts; without a name it lists them. */
import { existsSync, globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'bench');
const name = process.argv[2];
const file = join(folder, `${name}.ts`);
if (!name || !existsSync(file)) {
  const names = globSync('*.ts', { cwd: folder }).map((found) => basename(found, '.ts'));
  console.log(`${name ? `There is no bench ${name}. ` : ''}Benches: ${names.sort().join(', ')}\nnpm run bench -- ${names[0] ?? 'NAME'}`);
  process.exit(name ? 1 : 0);
}
process.argv.splice(2, 1);
await import(pathToFileURL(file).href);
