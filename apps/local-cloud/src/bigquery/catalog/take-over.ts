/**
 * Rows that change hands without being written again: the physical table of one table becomes a part of it and of the other.
 *
 * 1. Who was about to read the rows where they lay before learns that parts have changed.
 * 2. No transaction of a script sees parts: its snapshot may be older than they are.
 */
import { quote } from '../../googlesql/sql-type.ts';
import type { Connection } from '../storage/connection.ts';
import type { MetadataChange, Store } from '../storage/store.ts';
import type { Change, TableRecord } from './catalog.ts';
import { physicalName } from './parts.ts';

/** Each is one more scan in every query: more than these are gathered. */
const MOST_PARTS = 64;
class Refused extends Error {}

export interface Exchange {
  readonly target: TableRecord;
  readonly source: TableRecord;
  /** Whether the target takes the source's physical tables over; else it copies their rows. */
  readonly share: boolean;
  /** Of the rows in a physical table of the target: how many go. */
  readonly going: (connection: Connection, physical: string) => Promise<number>;
  readonly remove: (connection: Connection, physical: string) => Promise<void>;
  readonly beforeCommit: (connection: Connection, counts: { came: number; went: number }) => Promise<void>;
}

/**
 * Replaces what goes in the target by all rows of the source. Where a part would have to be cut nothing happens and the answer is
 * undefined. The caller has `target` and `source` exclusively.
 */
export async function takeOver(store: Store, exchange: Exchange): Promise<{ came: number; went: number } | undefined> {
  const { target, source, share, going, remove, beforeCommit } = exchange;
  const { catalog } = store;
  const parts = { target: catalog.parts.of(target.id), source: catalog.parts.of(source.id) };
  if (parts.target.length + parts.source.length >= MOST_PARTS) return undefined;
  const owned = (table: TableRecord) => (catalog.hasPhysical(table.id) ? [table.id] : []);
  return store.database.use(async (connection) => {
    await connection.begin();
    const leaving: number[] = [];
    const emptied: number[] = [];
    const counts = { came: 0, went: 0 };
    let made = (): void => undefined;
    try {
      for (const part of parts.target) {
        const gone = await going(connection, physicalName(part));
        if (gone === 0) continue;
        if (gone < (await countOf(connection, part))) {
          await connection.rollback();
          return undefined;
        }
        leaving.push(part);
        counts.went += gone;
      }
      for (const id of owned(target)) {
        const gone = await going(connection, physicalName(id));
        // An empty one would make every query a union.
        if (share && gone === (await countOf(connection, id))) emptied.push(id);
        else if (gone > 0) await remove(connection, physicalName(id));
        counts.went += gone;
      }
      if (share) for (const id of [...owned(source), ...parts.source]) counts.came += await countOf(connection, id);
      else {
        made = await store.ensurePhysical(connection, target);
        const names = target.columns.map(({ name }) => quote(name)).join(', ');
        const insert = `INSERT INTO ${physicalName(target.id)} (${names}) SELECT ${names} FROM ${catalog.rowsOf(source)}`;
        counts.came = (await connection.run(insert)).rowsChanged;
      }
    } catch (error) {
      await connection.rollback();
      throw error;
    }
    const part = catalog.newTableId();
    const taken = share ? [...parts.source, ...owned(source).map(() => part)] : [];
    const commit = async (): Promise<MetadataChange<typeof counts | undefined>> => {
      if (catalog.parts.refusals > 0) throw new Refused();
      for (const old of [...emptied, ...catalog.parts.onlyOf([target.id], leaving)])
        await connection.run(`DROP TABLE ${physicalName(old)}`);
      if (share) for (const id of owned(source)) await connection.run(`ALTER TABLE ${physicalName(id)} RENAME TO ${physicalName(part)}`);
      await beforeCommit(connection, counts);
      const changes: Change[] = [
        { put: 'parts', record: { id: target.id, parts: [...parts.target.filter((old) => !leaving.includes(old)), ...taken] } },
        ...(share ? [{ put: 'parts', record: { id: source.id, parts: taken } } as const] : []),
      ];
      const applied = () => {
        made();
        if (share) catalog.markPhysical(source.id, false);
        for (const id of emptied) catalog.markPhysical(id, false);
      };
      return { changes, result: counts, applied };
    };
    return catalog.parts
      .move([source.id, target.id], () => store.commitMetadata(connection, commit))
      .catch((error) => {
        if (error instanceof Refused) return undefined;
        throw error;
      });
  });
}

async function countOf(connection: Connection, id: number): Promise<number> {
  const [row] = await connection.rows(`SELECT count(*) FROM ${physicalName(id)}`);
  return Number(row![0]);
}

/** All rows into the table's own physical table, where they can be changed. */
export async function gather(store: Store, table: TableRecord): Promise<void> {
  if (store.catalog.parts.of(table.id).length > 0) await store.exclusively([table], () => gatherHeld(store, table.id));
}

/** The same for `work`, which finds all rows of the table in its own physical table for as long as it lasts. */
export async function gathered<T>(store: Store, table: TableRecord, work: () => Promise<T>): Promise<T> {
  for (;;) {
    await gather(store, table);
    const release = await store.locks.acquire(table.id, false);
    try {
      if (store.catalog.parts.of(table.id).length === 0) return await work();
    } finally {
      release();
    }
  }
}

/** The same for who has the table exclusively. */
export async function gatherHeld(store: Store, id: number): Promise<void> {
  const { catalog, database } = store;
  const parts = catalog.parts.of(id);
  // As it is now: the caller may have waited since it looked.
  const table = catalog.byId(id);
  if (!table || parts.length === 0) return;
  const names = table.columns.map(({ name }) => quote(name)).join(', ');
  await database.wide(() =>
    database.use(async (connection) => {
      await connection.begin();
      let made: () => void;
      try {
        made = await store.ensurePhysical(connection, table);
        for (const part of parts)
          await connection.run(`INSERT INTO ${physicalName(table.id)} (${names}) SELECT ${names} FROM ${physicalName(part)}`);
      } catch (error) {
        await connection.rollback();
        throw error;
      }
      const commit = async (): Promise<MetadataChange<void>> => {
        for (const part of catalog.parts.onlyOf([id], parts)) await connection.run(`DROP TABLE ${physicalName(part)}`);
        return { changes: [{ put: 'parts', record: { id, parts: [] } }], result: undefined, applied: made };
      };
      await catalog.parts.move([id], () => store.commitMetadata(connection, commit));
    }),
  );
}

/** For a snapshot that may be older than parts: gathers all there are, and lets none come until the answer is called. */
export async function withoutParts(store: Store): Promise<() => void> {
  const { catalog } = store;
  let held = true;
  const release = () => {
    if (held) catalog.parts.refusals--;
    held = false;
  };
  catalog.parts.refusals++;
  try {
    // Who did not see that refusal has been through after this.
    await store.changeMetadata(async () => ({ changes: [], result: undefined }));
    for (const id of catalog.parts.owners()) {
      const table = catalog.byId(id);
      if (table) await gather(store, table);
    }
    return release;
  } catch (error) {
    release();
    throw error;
  }
}
