/** The data folder of a laptop: what `--fresh` removes, and the key the services sign with between themselves. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { BadOption } from './plan.ts';

const KEY_FILE = 'internal-signing.key';

export function signingKey(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, KEY_FILE);
  if (!existsSync(path)) writeFileSync(path, randomBytes(48).toString('base64url'), { mode: 0o600 });
  return readFileSync(path, 'utf8').trim();
}

/** Removes the data after asking; answers false when the person said no. Refuses a folder that was never ours. */
export async function beginAnew(dataDir: string, options: { yes: boolean; interactive: boolean }): Promise<boolean> {
  const entries = existsSync(dataDir) ? readdirSync(dataDir) : [];
  if (entries.length === 0) return true;
  if (!entries.includes(KEY_FILE) && !entries.includes('lock.db')) {
    throw new BadOption(
      `${dataDir} does not look like a data folder of this project, so it is not removed. Remove it yourself if you mean it.`,
    );
  }
  if (!options.yes) {
    if (!options.interactive) throw new BadOption(`${dataDir} has data. To remove it without being asked: npm start -- --fresh --yes`);
    const asking = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await asking.question(`Remove all data in ${dataDir}? Type yes: `);
    asking.close();
    if (answer.trim().toLowerCase() !== 'yes') return false;
  }
  rmSync(dataDir, { recursive: true, force: true });
  return true;
}
