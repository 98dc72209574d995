/**
 * One process per data directory. The lock is an exclusive SQLite transaction: the system drops it when the process ends in any way,
 * so nothing stale is ever left behind.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export class DataDirInUse extends Error {}

export function lockDataDir(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const holder = join(dataDir, 'lock.pid');
  const db = new DatabaseSync(join(dataDir, 'lock.db'), { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch {
    db.close();
    throw new DataDirInUse(
      `Another local-cloud (process ${readHolder(holder)}) is using ${dataDir}. Stop it, or choose another directory with LOCAL_CLOUD_DATA and other ports with PORT_OFFSET.`,
    );
  }
  writeFileSync(holder, String(process.pid));
  return () => db.close();
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return 'unknown';
  }
}
