import { copyFile, opendir, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { StepFailure } from '../failure.ts';
import { changed, MOST_LISTED, type ObjectStore, type StoredObject, tooManyListed } from './objects.ts';

/** Objects in a folder of this machine, below the one that the operator opened for it: laptops and tests. */
export function folderStore(root: string, folder: string): ObjectStore {
  const base = resolve(root);
  const dir = resolve(base, folder);
  if (dir !== base && !dir.startsWith(base + sep))
    throw new StepFailure('permission', 'object.outside', 'That folder is not open to pipelines.', {
      hint: 'Name one below the objects folder.',
    });
  const inside = (name: string) => {
    const path = resolve(dir, name);
    if (!path.startsWith(dir + sep)) throw new StepFailure('permission', 'object.outside', `${name} lies outside of the folder.`);
    return path;
  };
  return {
    async list() {
      try {
        const objects: StoredObject[] = [];
        for await (const entry of await opendir(dir, { recursive: true })) {
          if (!entry.isFile()) continue;
          if (objects.length === MOST_LISTED) throw tooManyListed(folder);
          const path = join(entry.parentPath, entry.name);
          objects.push({ name: relative(dir, path).split(sep).join('/'), ...(await contentOf(path)) });
        }
        return objects.sort((a, b) => (a.name < b.name ? -1 : 1));
      } catch (cause) {
        if (cause instanceof StepFailure) throw cause;
        throw new StepFailure('source_not_ready', 'object.not_found', `There is no folder ${folder}.`, {
          hint: 'The export may not have been delivered yet.',
          cause,
        });
      }
    },
    async fetch({ name, etag }, path) {
      try {
        await copyFile(inside(name), path);
        if ((await contentOf(inside(name))).etag !== etag) throw changed(name);
      } catch (cause) {
        if (cause instanceof StepFailure) throw cause;
        throw new StepFailure('source_not_ready', 'object.not_found', `${name} is listed but not there.`, {
          hint: 'The export may be in the middle of a delivery; it is tried again by itself.',
          transient: true,
          cause,
        });
      }
    },
  };
}

async function contentOf(path: string): Promise<Pick<StoredObject, 'bytes' | 'etag'>> {
  const { size, mtimeMs } = await stat(path);
  return { bytes: size, etag: `${mtimeMs}-${size}` };
}
