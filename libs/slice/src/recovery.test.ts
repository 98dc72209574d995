import { Transient } from '@convergence/contracts';
import type { JournalRow, JournalStore } from '@convergence/ports';
import { fakeCheckpointTables, fakeJournalStore, fakeOwnerStore, keptLog, virtualClock } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { openSlice } from './open.ts';
import { OPEN_TICKETS, parking } from './simulation/parking.ts';
import type { SliceOptions } from './slice.ts';

/** Three lots in their table, and a hundred and fifty cars that came to one of them after the checkpoint. */
async function given() {
  const journal = fakeJournalStore();
  const owners = fakeOwnerStore('parking');
  const tables = fakeCheckpointTables({ [OPEN_TICKETS]: (row) => row.left_at === null }, owners);
  const clock = virtualClock();
  const open = (other: Partial<Pick<SliceOptions<never, never, never>, 'journal' | 'tables' | 'onMuch'>> = {}) =>
    openSlice({
      definition: parking,
      journal,
      owners,
      tables,
      bus: { publish: async () => undefined },
      clock,
      instance: 'p',
      checkpointSeconds: 3600,
      refreshSeconds: 3600,
      log: keptLog(),
      ...other,
    });
  const slice = await open();
  await slice.executeMany(['a', 'b', 'c'].map((lot) => ({ do: 'open', lot, limit: 500 }) as const));
  await slice.checkpoint();
  await slice.checkpoint();
  await slice.executeMany(Array.from({ length: 150 }, (_, i) => ({ do: 'park', lot: 'a', car: `car-${i}`, token: `t${i}` }) as const));
  return { journal, tables, clock, open };
}
/** Each reading ends like that after its first page, the first `times` times. */
function endingEarly<T>(times: number, cause: Error): (pages: AsyncIterable<T>) => AsyncGenerator<T> {
  let left = times;
  return async function* (pages) {
    for await (const page of pages) {
      yield page;
      if (left > 0) {
        left -= 1;
        throw cause;
      }
    }
  };
}
const expired = () => new Transient('the result has expired');

test('a journal that can not be read to its end is read again from its beginning', async () => {
  const { journal, clock, open } = await given();
  const early = endingEarly<never>(2, expired());
  const opening = open({ journal: { ...journal, read: (after, range) => early(journal.read(after, range) as never) } });
  await clock.advance(10_000);
  expect((await opening).state.lots.get('a')).toEqual({ limit: 500, parked: 150, total: 150 });
});

test('so are the tables: no row counts twice', async () => {
  const { tables, clock, open } = await given();
  const early = endingEarly<never>(1, expired());
  const opening = open({ tables: { ...tables, load: (table, where) => early(tables.load(table, where) as never) } });
  await clock.advance(10_000);
  const { state } = await opening;
  expect([...state.lots.keys()]).toEqual(['a', 'b', 'c']);
  expect(state.lots.get('a')).toEqual({ limit: 500, parked: 150, total: 150 });
});

test('a start gives up when it never can be read, or when it holds what can not be', async () => {
  const { journal, clock, open } = await given();
  for (const cause of [expired(), new Error('a row is missing')]) {
    const early = endingEarly<never>(9, cause);
    const opening = expect(
      open({ journal: { ...journal, read: (after, range) => early(journal.read(after, range) as never) } }),
    ).rejects.toBe(cause);
    await clock.advance(10_000);
    await opening;
  }
});

/** The first look at a journal's rows leaves these out. */
const hiding = (journal: JournalStore, hidden: (row: JournalRow) => boolean): JournalStore => ({
  ...journal,
  async *read(after, range) {
    for await (const page of journal.read(after, range)) yield page.filter((row) => !hidden(row));
  },
});

test('redo rows that the journal does not show yet are waited for by another start; one that is missing between others never comes', async () => {
  const { journal, clock, open } = await given();
  const slice = await open();
  await slice.executeMany(Array.from({ length: 20 }, (_, i) => ({ do: 'park', lot: 'b', car: `other-${i}`, token: `o${i}` }) as const));
  await slice.checkpoint();
  const redo = journal.rows.filter((row) => row.type === 'slice.redo').slice(-2);
  const shown = expect(open({ journal: hiding(journal, (row) => row.sequence === redo[1]!.sequence) })).rejects;
  await Promise.all([shown.toMatchObject({ code: 'owner.changing' }), clock.advance(10_000)]);
  const whole = expect(open({ journal: hiding(journal, (row) => row.sequence === redo[0]!.sequence) })).rejects;
  await Promise.all([whole.toThrow(`redo row ${redo[0]!.sequence} is missing`), clock.advance(10_000)]);
});

test('a start that finds much says so, once, and one that finds little does not', async () => {
  const { open } = await given();
  let times = 0;
  const onMuch = () => {
    times += 1;
  };
  const slice = await open({ onMuch });
  expect(times).toBe(0);
  await slice.executeMany(Array.from({ length: 12_000 }, (_, i) => ({ do: 'open', lot: `lot ${i}`, limit: 1 }) as const));
  await open({ onMuch });
  expect(times).toBe(1);
});
