import { fakeCheckpointTables, fakeJournalStore, fakeOwnerStore, keptLog, virtualClock } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import type { SliceDefinition } from './definition.ts';
import { openSlice } from './open.ts';
import { OPEN_TICKETS, parking } from './simulation/parking.ts';

const unhurried = () => ({
  bus: { publish: async () => undefined },
  clock: virtualClock(),
  instance: 'p',
  checkpointSeconds: 3600,
  refreshSeconds: 3600,
});

test('the log tells which columns of an edit were set back', async () => {
  const owners = fakeOwnerStore('parking');
  const tables = fakeCheckpointTables({ [OPEN_TICKETS]: (row) => row.left_at === null }, owners);
  const log = keptLog();
  const slice = await openSlice({ definition: parking, journal: fakeJournalStore(), owners, tables, log, ...unhurried() });
  await slice.execute({ do: 'open', lot: 'north', limit: 3 });
  await slice.checkpoint();
  tables.edit('lots', 'north', { max_cars: 9, total: 77 });
  await slice.refresh();
  expect(log.lines.at(-1)?.fields).toMatchObject({ columns: ['max_cars', 'total'], undone: ['total'] });
});

type NoteCommand = { readonly do: 'put' | 'drop' | 'mute'; readonly id: string };
type NoteEvent = { readonly type: NoteCommand['do']; readonly id: string };
type Notes = Map<string, { muted: boolean }>;
const notes: SliceDefinition<Notes, NoteCommand, NoteEvent> = {
  name: 'notes',
  initial: () => new Map(),
  decide: (_state, command) => ({ events: [{ type: command.do, id: command.id }], reply: null }),
  apply(state, { type, id }) {
    if (type === 'drop') state.delete(id);
    else state.set(id, { muted: type === 'mute' });
  },
  subject: ({ id }) => id,
  outbox: () => [],
  tables: [
    {
      table: { name: 'notes', description: 'Notes', columns: [{ name: 'id', type: 'STRING', description: 'id' }] },
      key: ['id'],
      touches: ({ id }) => [id],
      row: (state, id) => (state.has(id) ? { id } : undefined),
      load(state, rows) {
        for (const row of rows) state.set(String(row.id), { muted: false });
      },
      all: (state) => state,
      deleted: (_state, id) => [{ do: 'mute', id }],
      adopt: () => [],
    },
  ],
};
async function openNotes() {
  const owners = fakeOwnerStore('notes');
  const tables = fakeCheckpointTables({}, owners);
  const slice = await openSlice({ definition: notes, journal: fakeJournalStore(), owners, tables, log: keptLog(), ...unhurried() });
  const mutedAre = () => Object.fromEntries([...slice.state].map(([id, { muted }]) => [id, muted]));
  for (const id of ['a', 'b']) await slice.execute({ do: 'put', id });
  await slice.checkpoint();
  return { slice, tables, mutedAre };
}

test('one that went and came again is not taken for deleted when a merge of unknown outcome removed its row', async () => {
  const { slice, tables, mutedAre } = await openNotes();
  await slice.execute({ do: 'drop', id: 'a' });
  const { merge } = tables;
  tables.merge = async (...how) => {
    await merge(...how);
    throw new Error('no answer');
  };
  await expect(slice.checkpoint()).rejects.toThrow('no answer');
  tables.merge = merge;
  await slice.execute({ do: 'put', id: 'a' });
  expect(await slice.refresh()).toBe(0);
  expect(mutedAre()).toEqual({ a: false, b: false });
});

test('a deleted row is missed while the row of another one is about to leave', async () => {
  const { slice, tables, mutedAre } = await openNotes();
  await slice.execute({ do: 'drop', id: 'a' });
  tables.remove('notes', 'b');
  await slice.checkpoint();
  expect(mutedAre()).toEqual({ b: true });
  expect(tables.rows('notes')).toEqual([{ id: 'b' }]);
});

test('a row that somebody gives another key is missed, and so is one that is deleted beside it', async () => {
  const { slice, tables, mutedAre } = await openNotes();
  tables.edit('notes', 'a', { id: 'z' }, 'z');
  await slice.refresh();
  expect(mutedAre()).toEqual({ a: true, b: false });
  await slice.checkpoint();
  tables.remove('notes', 'b');
  await slice.refresh();
  expect(mutedAre()).toEqual({ a: true, b: true });
});

test('a row that is deleted and whose key another one is given is missed, too', async () => {
  const { slice, tables, mutedAre } = await openNotes();
  tables.remove('notes', 'b');
  tables.edit('notes', 'a', { id: 'b' }, 'b');
  await slice.refresh();
  expect(mutedAre()).toEqual({ a: true, b: true });
  await slice.checkpoint();
  await slice.refresh();
  await slice.checkpoint();
  expect(tables.rows('notes')).toEqual([{ id: 'b' }, { id: 'a' }]);
  expect(await slice.refresh()).toBe(0);
});
