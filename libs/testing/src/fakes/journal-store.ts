import type { JournalRow, JournalStore } from '@convergence/ports';

export interface FakeJournalStore extends JournalStore {
  /** All rows of all streams, in the order in which they came. */
  readonly rows: readonly JournalRow[];
}

/** A journal in memory: streams with offsets that can be finalized, one table that shows all of them. */
export function fakeJournalStore(): FakeJournalStore {
  const streams = new Map<string, { rows: JournalRow[]; finalized: boolean }>();
  const all: JournalRow[] = [];
  const stream = (name: string) => {
    const found = streams.get(name);
    if (!found) throw new Error(`no such stream: ${name}`);
    return found;
  };
  return {
    get rows() {
      return all;
    },
    async createStream() {
      const name = `stream-${streams.size + 1}`;
      streams.set(name, { rows: [], finalized: false });
      return name;
    },
    async append(name, offset, rows) {
      const s = stream(name);
      if (s.finalized) return 'fenced';
      if (offset < s.rows.length) return 'already';
      if (offset > s.rows.length) return 'out_of_range';
      const kept = rows.map((row) => ({ ...row }));
      s.rows.push(...kept);
      all.push(...kept);
      return 'appended';
    },
    async finalize(name) {
      const s = stream(name);
      s.finalized = true;
      return s.rows.length;
    },
    async *read(after, range = {}) {
      const rows = all.filter(
        (r) => r.sequence > after && r.sequence <= (range.through ?? Number.POSITIVE_INFINITY) && (!range.since || r.at >= range.since),
      );
      const wanted = rows.map((row) => (row.type === range.withoutDataOf ? { ...row, data: '' } : row));
      for (let i = 0; i < wanted.length; i += 100) yield wanted.slice(i, i + 100);
    },
    async close() {},
  };
}
