/**
 * The rows that a statement reads may lie elsewhere than when it was compiled: then it is compiled and run again.
 *
 * 1. It is run again only if nobody has seen what it read, and nothing of it was committed: `steadily` says so before either.
 * 2. In a transaction nothing is run again, and nothing moves (take-over.ts).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { ApiError, noTable } from '../errors.ts';
import type { CatalogStore, TableRecord } from './catalog.ts';

export interface Watched {
  /** By the id of a table: whether its rows still lie where they lay. */
  readonly steady: Map<number, () => boolean>;
}
/** Of a statement: whether it may be run again at all. */
interface Asker {
  readonly transaction: unknown;
  readonly aborted: AbortSignal;
}
const TRIES = 10;
/** What DuckDB says of a physical table that is gone; the catalog follows in a moment. */
const GONE = /^(?:Error: )?Catalog Error: Table with name t\d+ does not exist/;

export class Moved extends ApiError {
  constructor() {
    super('backendError', 'The rows of a table were moved each time that they were read: try again.');
  }
}

/** Reads, or reads and writes what is not committed yet. What fails may have failed because rows moved. `except` is a table that is only written. */
export async function steadily<T>({ steady }: Watched, read: () => Promise<T>, except?: number): Promise<T> {
  const [outcome] = await Promise.allSettled([read()]);
  for (const [id, still] of steady) if (id !== except && !still()) throw new Moved();
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** Runs what was compiled, as often as what it looked at moves meanwhile. */
export async function whereItLies<C, T>(asker: Asker | undefined, compile: () => C, run: (compiled: C) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run(compile());
    } catch (error) {
      const moved = error instanceof Moved || GONE.test(String(error));
      if (!moved || tries === TRIES || asker?.transaction || asker?.aborted.aborted) throw error;
      await pause(2 ** tries);
    }
  }
}

/** The same for who reads tables without a statement: in `steady`, which ends before anything is committed. */
export const readingAll = <T>(
  catalog: CatalogStore,
  tables: readonly TableRecord[],
  read: (steady: <R>(work: () => Promise<R>) => Promise<R>) => Promise<T>,
): Promise<T> =>
  whereItLies(
    undefined,
    () => {
      for (const { id, path } of tables) if (!catalog.byId(id)) throw noTable(path.project, path.dataset, path.table);
      return { steady: new Map(tables.map((table) => [table.id, catalog.parts.watch(table.id)])) };
    },
    (watched) => read((work) => steadily(watched, work)),
  );
