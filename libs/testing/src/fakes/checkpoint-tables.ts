import type { CheckpointTable, CheckpointTables, SqlValue, StoredRow, TableRow } from '@convergence/ports';
import type { FakeOwnerStore } from './owner-store.ts';

interface Kept {
  row: TableRow;
  sequence: number | null;
  deleted: boolean;
  /** As merge wrote it last. */
  written: TableRow | null;
}
export interface FakeCheckpointTables extends CheckpointTables {
  /** Rows of a table as a person's SELECT shows them, marked ones too. */
  rows(table: string): readonly TableRow[];
  /** Somebody else's UPDATE (or INSERT, when the key is new); with the key columns in `change` and `to` it gets another key. */
  edit(table: string, key: string, change: TableRow, to?: string): void;
  /** Somebody else's DELETE. */
  remove(table: string, key: string): void;
}

/**
 * The tables of a slice in memory. Conditions in SQL are not understood: `conditions` says what each text that is used means.
 * `underWay` is awaited between a merge's look at its guard and its effect: a statement reads one snapshot and commits later.
 */
export function fakeCheckpointTables(
  conditions: Readonly<Record<string, (row: TableRow) => boolean>> = {},
  owners?: FakeOwnerStore,
  underWay?: () => Promise<void>,
): FakeCheckpointTables {
  const tables = new Map<string, Map<string, Kept>>();
  const kept = (name: string): Map<string, Kept> => {
    const found = tables.get(name) ?? new Map<string, Kept>();
    tables.set(name, found);
    return found;
  };
  const content = (row: TableRow): string => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
  const keyOf = (table: CheckpointTable, key: Readonly<Record<string, SqlValue>>) => table.key.map((c) => String(key[c])).join('\u001f');
  const own = (table: CheckpointTable): Kept[] =>
    [...kept(table.spec.name).values()].filter((k) => !k.deleted && (!k.written || keyOf(table, k.written) === keyOf(table, k.row)));
  const accepts = (where: string | undefined): ((row: TableRow) => boolean) => {
    if (where === undefined) return () => true;
    const condition = conditions[where];
    if (!condition) throw new Error(`fakeCheckpointTables was not told what this means: ${where}`);
    return condition;
  };
  const isEdited = (k: Kept): boolean => !k.deleted && (k.written === null || content(k.written) !== content(k.row));
  const stored = (k: Kept): StoredRow => ({
    row: { ...k.row },
    sequence: k.sequence,
    deleted: k.deleted,
    ...(isEdited(k) && k.written && { was: { ...k.written } }),
  });
  return {
    rows: (name) => [...kept(name).values()].map((k) => k.row),
    edit(name, key, change, to = key) {
      const row = kept(name).get(key) ?? { row: {}, sequence: null, deleted: false, written: null };
      row.row = { ...row.row, ...change };
      kept(name).delete(key);
      kept(name).set(to, row);
    },
    remove: (name, key) => void kept(name).delete(key),
    async merge(table, rows, { dead, guard }) {
      if (owners && owners.rows.get(guard.slice)?.epoch !== guard.epoch) return table.watched ? [...rows].filter((r) => r.row).length : 0;
      await underWay?.();
      const rowsOf = kept(table.spec.name);
      let left = 0;
      for (const { key, sequence, row, over } of rows) {
        const id = keyOf(table, key);
        const old = rowsOf.get(id);
        const keep = old && table.watched && row && isEdited(old) && content(old.row) !== over;
        if (keep || (old && (old.sequence ?? 0) > sequence)) {
          if (table.watched && row) left += 1;
        } else if (row) rowsOf.set(id, { row, sequence, deleted: false, written: row });
        else if (dead === 'remove') rowsOf.delete(id);
        else rowsOf.set(id, { row: old?.row ?? key, sequence, deleted: true, written: old?.row ?? key });
      }
      return left;
    },
    async *load(table, where) {
      const wanted = accepts(where);
      const rows = [...kept(table.spec.name).values()].filter((k) => k.deleted || wanted(k.row)).map(stored);
      for (let i = 0; i < rows.length; i += 50) yield rows.slice(i, i + 50);
    },
    async edited(table, where) {
      const wanted = accepts(where);
      return [...kept(table.spec.name).values()]
        .filter((k) => wanted(k.row) && isEdited(k))
        .map((k) => ({ ...stored(k), content: content(k.row) }));
    },
    count: async (table) => own(table).filter((k) => k.sequence !== null).length,
    async *keys(table) {
      yield own(table).map((k) => k.row);
    },
    async purge(table, through) {
      const rowsOf = kept(table.spec.name);
      for (const [id, k] of rowsOf) if (k.deleted && (k.sequence ?? 0) <= through) rowsOf.delete(id);
    },
  };
}
