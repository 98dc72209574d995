/** What every JournalStore promises, as sentences to be tested: run against the fake and against the adapter, so they can't drift. */
import assert from 'node:assert/strict';
import type { JournalRow, JournalStore, TableSpec } from '@convergence/ports';

type Kept = (store: JournalStore) => Promise<void>;

export const journalTable = (name: string): TableSpec => ({
  name,
  description: 'A journal for tests',
  partitionBy: { column: 'at', granularity: 'DAY' },
  clusterBy: ['subject', 'sequence'],
  columns: [
    { name: 'sequence', type: 'INT64', required: true, description: 'Position' },
    { name: 'epoch', type: 'INT64', required: true, description: 'Owner' },
    { name: 'at', type: 'TIMESTAMP', required: true, description: 'Time' },
    { name: 'subject', type: 'STRING', required: true, description: 'About' },
    { name: 'type', type: 'STRING', required: true, description: 'Event' },
    { name: 'data', type: 'STRING', required: true, description: 'JSON' },
    { name: 'actor', type: 'STRING', description: 'Who' },
    { name: 'trace_id', type: 'STRING', description: 'Trace' },
  ],
});

export const aJournalRow = (sequence: number, change: Partial<JournalRow> = {}): JournalRow => ({
  sequence,
  epoch: 1,
  at: new Date(Date.parse('2026-01-15T10:00:00.000Z') + sequence).toISOString(),
  subject: 'acme',
  type: 'happened',
  data: JSON.stringify({ type: 'happened', n: sequence, text: 'ümläut "quoted" \n \u2028 💶' }),
  actor: sequence % 2 ? JSON.stringify({ kind: 'admin' }) : null,
  trace_id: sequence % 3 ? 'abc' : null,
  ...change,
});
async function read(store: JournalStore, after: number, range?: Parameters<JournalStore['read']>[1]): Promise<JournalRow[]> {
  const rows: JournalRow[] = [];
  for await (const page of store.read(after, range)) rows.push(...page);
  return rows;
}
const rows = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => aJournalRow(from + i));

/** Each gets a store with an empty table. */
export const journalStorePromises: Readonly<Record<string, Kept>> = {
  'what was appended is read back in order, byte for byte': async (store) => {
    const stream = await store.createStream();
    assert.equal(await store.append(stream, 0, rows(1, 3)), 'appended');
    assert.equal(await store.append(stream, 3, rows(4, 4)), 'appended');
    assert.deepEqual(await read(store, 0), rows(1, 4));
  },
  'reading starts after a sequence and a time, and ends where it is told': async (store) => {
    const stream = await store.createStream();
    await store.append(stream, 0, rows(1, 2500));
    assert.deepEqual(await read(store, 10, { through: 2100, since: aJournalRow(5).at }), rows(11, 2100));
    assert.deepEqual(await read(store, 0, { since: aJournalRow(2400).at }), rows(2400, 2500));
  },
  'an offset that was taken answers already and changes nothing': async (store) => {
    const stream = await store.createStream();
    await store.append(stream, 0, rows(1, 2));
    assert.equal(await store.append(stream, 0, rows(1, 2)), 'already');
    assert.equal(await store.append(stream, 1, rows(2, 2)), 'already');
    assert.deepEqual(await read(store, 0), rows(1, 2));
  },
  'an offset beyond the end answers out_of_range': async (store) => {
    const stream = await store.createStream();
    assert.equal(await store.append(stream, 1, rows(2, 2)), 'out_of_range');
    assert.equal(await store.append(stream, 0, rows(1, 1)), 'appended');
  },
  'after finalize no append succeeds, not even by who was connected': async (store) => {
    const stream = await store.createStream();
    await store.append(stream, 0, rows(1, 3));
    assert.equal(await store.finalize(stream), 3);
    assert.equal(await store.append(stream, 3, rows(4, 4)), 'fenced');
    assert.equal(await store.finalize(stream), 3);
    assert.deepEqual(await read(store, 0), rows(1, 3));
  },
  'a stream that nobody wrote finalizes with no rows': async (store) => {
    assert.equal(await store.finalize(await store.createStream()), 0);
  },
  'streams do not disturb each other': async (store) => {
    const [a, b] = [await store.createStream(), await store.createStream()];
    await store.append(a, 0, rows(1, 2));
    await store.finalize(a);
    assert.equal(await store.append(b, 0, rows(3, 4)), 'appended');
    assert.deepEqual(await read(store, 0), rows(1, 4));
  },
  'large rows are read like others, and without their data where it is not wanted': async (store) => {
    const stream = await store.createStream();
    const large = Array.from({ length: 2_150 }, (_, i) => aJournalRow(i + 1, { type: i % 2 ? 'large' : 'small', data: 'x'.repeat(1_000) }));
    assert.equal(await store.append(stream, 0, large), 'appended');
    assert.deepEqual(await read(store, 0, { large: true }), large);
    const without = large.map((row) => (row.type === 'large' ? { ...row, data: '' } : row));
    assert.deepEqual(await read(store, 0, { withoutDataOf: 'large' }), without);
  },
  'a megabyte in one row survives': async (store) => {
    const stream = await store.createStream();
    const big = aJournalRow(1, { data: JSON.stringify({ text: 'x'.repeat(1_000_000) }) });
    assert.equal(await store.append(stream, 0, [big]), 'appended');
    assert.deepEqual(await read(store, 0), [big]);
  },
};
