import assert from 'node:assert/strict';
import type { CheckpointRow, CheckpointTable, CheckpointTables, MergeOptions, StoredRow, TableRow } from '@convergence/ports';

/** Of every type that tables use; `day` is its partition. */
export const samplesTable: CheckpointTable = {
  key: ['id', 'part'],
  watched: true,
  spec: {
    name: 'samples',
    description: 'Rows for tests',
    partitionBy: { column: 'day', granularity: 'DAY' },
    clusterBy: ['id'],
    columns: [
      { name: 'id', type: 'STRING', required: true, description: 'Key' },
      { name: 'part', type: 'STRING', required: true, description: 'Key' },
      { name: 'day', type: 'DATE', required: true, description: 'Partition' },
      { name: 'limit', type: 'INT64', required: true, description: 'A number; also a word of SQL' },
      { name: 'price', type: 'NUMERIC', description: 'Money' },
      { name: 'active', type: 'BOOL', description: 'A flag' },
      { name: 'seen_at', type: 'TIMESTAMP', description: 'A time' },
      { name: 'tags', type: 'ARRAY<STRING>', description: 'A list' },
      { name: 'options', type: 'JSON', description: 'Anything' },
      { name: 'note', type: 'STRING', description: 'A text' },
    ],
  },
};
export const aSample = (change: TableRow = {}): TableRow => ({
  id: 'a',
  part: 'x',
  day: '2026-01-15',
  limit: 1,
  price: '12.5',
  active: true,
  seen_at: '2026-01-15T10:00:00.123Z',
  tags: ['one', 'two'],
  options: '{"a":1}',
  note: null,
  ...change,
});
const changed = (sequence: number, row: TableRow): CheckpointRow => ({
  key: { id: String(row.id), part: String(row.part) },
  sequence,
  row,
  partition: String(row.day),
});
const dead = (sequence: number, id = 'a'): CheckpointRow => ({ key: { id, part: 'x' }, sequence, row: null, partition: '2026-01-15' });

export interface CheckpointStage {
  readonly tables: CheckpointTables;
  /** Somebody else's UPDATE of the row with id `a`. */
  edit(change: TableRow): Promise<void>;
  /** The guard's epoch that is the newest. */
  readonly epoch: number;
}
let ids = 0;
const how = (stage: CheckpointStage, change: Partial<MergeOptions> = {}): MergeOptions => ({
  dead: 'remove',
  guard: { slice: 'tenants', epoch: stage.epoch },
  id: `test-${process.pid}-${Date.now()}-${++ids}`,
  ...change,
});
async function all({ tables }: CheckpointStage, where?: string, table = samplesTable): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  for await (const page of tables.load(table, where)) rows.push(...page);
  return rows.sort((a, b) => (String(a.row.id) < String(b.row.id) ? -1 : 1));
}

export const ACTIVE = 'active';
/** Each gets an empty table `samples` and a condition `active`. */
export const checkpointTablesPromises: Readonly<Record<string, (stage: CheckpointStage) => Promise<void>>> = {
  'rows are loaded as they were written': async (stage) => {
    const empty = aSample({ id: 'b', price: null, active: null, seen_at: null, tags: [], options: null, limit: 2 });
    await stage.tables.merge(samplesTable, [changed(5, aSample()), changed(6, empty)], how(stage));
    assert.deepEqual(await all(stage), [
      { row: aSample(), sequence: 5, deleted: false },
      { row: empty, sequence: 6, deleted: false },
    ]);
  },
  'whatever a text holds is loaded as it was written, in a table that is watched and in one that is not': async (stage) => {
    const odd = ['a\u001fb', '\u001f', '\u001e\u001f\u001d', 'plain \u20ac'].map((note, i) => aSample({ id: `id-${i}`, note }));
    for (const watched of [true, false]) {
      const table = { ...samplesTable, watched };
      await stage.tables.merge(
        table,
        odd.map((row, i) => changed(i + 1, row)),
        how(stage),
      );
      const loaded: StoredRow[] = [];
      for await (const page of stage.tables.load(table)) loaded.push(...page);
      loaded.sort((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0));
      assert.deepEqual(
        loaded.map(({ row }) => row),
        odd,
      );
    }
  },
  'a row moves forward only': async (stage) => {
    await stage.tables.merge(samplesTable, [changed(5, aSample({ limit: 5 }))], how(stage));
    await stage.tables.merge(samplesTable, [changed(4, aSample({ limit: 4 }))], how(stage));
    await stage.tables.merge(samplesTable, [dead(4)], how(stage));
    assert.equal((await all(stage))[0]?.row.limit, 5);
    await stage.tables.merge(samplesTable, [changed(9, aSample({ limit: 9 }))], how(stage));
    assert.equal((await all(stage))[0]?.row.limit, 9);
  },
  'a batch that is sent twice changes nothing more': async (stage) => {
    const options = how(stage);
    await stage.tables.merge(samplesTable, [changed(5, aSample())], options);
    await stage.tables.merge(samplesTable, [changed(5, aSample())], options);
    assert.equal((await all(stage)).length, 1);
  },
  'a merge of an older epoch changes nothing': async (stage) => {
    await stage.tables.merge(samplesTable, [changed(5, aSample())], how(stage, { guard: { slice: 'tenants', epoch: stage.epoch - 1 } }));
    assert.deepEqual(await all(stage), []);
  },
  'dead rows leave at once, or are marked and leave when purged': async (stage) => {
    const rows = ['a', 'b', 'c'].map((id, i) => changed(i + 1, aSample({ id })));
    await stage.tables.merge(samplesTable, rows, how(stage));
    await stage.tables.merge(samplesTable, [dead(5, 'a')], how(stage));
    assert.deepEqual(
      (await all(stage)).map((r) => r.row.id),
      ['b', 'c'],
    );
    await stage.tables.merge(samplesTable, [dead(6, 'b'), dead(7, 'never-there')], how(stage, { dead: 'mark' }));
    const marked = async () => (await all(stage, ACTIVE)).filter((r) => r.deleted).map((r) => r.row.id);
    assert.deepEqual(await marked(), ['b', 'never-there']);
    await stage.tables.merge(samplesTable, [changed(2, aSample({ id: 'b' }))], how(stage));
    assert.deepEqual(await marked(), ['b', 'never-there']);
    await stage.tables.purge(samplesTable, 6);
    assert.deepEqual(await marked(), ['never-there']);
    await stage.tables.purge(samplesTable, 7);
    assert.deepEqual(
      (await all(stage)).map((r) => r.row.id),
      ['c'],
    );
  },
  'loading takes a condition': async (stage) => {
    const rows = [changed(1, aSample()), changed(2, aSample({ id: 'b', active: false })), changed(3, aSample({ id: 'c', active: null }))];
    await stage.tables.merge(samplesTable, rows, how(stage));
    assert.deepEqual(
      (await all(stage, ACTIVE)).map((r) => r.row.id),
      ['a'],
    );
  },
  'what others edited is found, and only that, until it is written again': async (stage) => {
    await stage.tables.merge(samplesTable, [changed(1, aSample()), changed(2, aSample({ id: 'b' }))], how(stage));
    assert.deepEqual(await stage.tables.edited(samplesTable), []);
    await stage.edit({ limit: 99 });
    const [found, ...others] = await stage.tables.edited(samplesTable);
    const { content, ...stored } = found!;
    assert.deepEqual(stored, { row: aSample({ limit: 99 }), sequence: 1, deleted: false, was: aSample() });
    assert.deepEqual(others, []);
    assert.equal(await stage.tables.merge(samplesTable, [{ ...changed(1, aSample({ limit: 99 })), over: content }], how(stage)), 0);
    assert.deepEqual(await stage.tables.edited(samplesTable), []);
  },
  'an edit that nobody looked at is not written over, and what was written before is still known': async (stage) => {
    await stage.tables.merge(samplesTable, [changed(1, aSample()), changed(2, aSample({ id: 'b' }))], how(stage));
    await stage.edit({ note: 'one' });
    const content = (await stage.tables.edited(samplesTable))[0]?.content ?? '';
    await stage.edit({ note: 'two' });
    const later = [changed(5, aSample({ limit: 5 })), changed(6, aSample({ id: 'b', limit: 6 }))];
    assert.equal(await stage.tables.merge(samplesTable, later, how(stage)), 1);
    assert.equal(await stage.tables.merge(samplesTable, [{ ...later[0]!, over: content }], how(stage)), 1);
    const [a, b] = await all(stage);
    assert.deepEqual(a, { row: aSample({ note: 'two' }), sequence: 1, deleted: false, was: aSample() });
    assert.deepEqual(b, { row: aSample({ id: 'b', limit: 6 }), sequence: 6, deleted: false });
    assert.equal(await stage.tables.merge(samplesTable, [dead(7)], how(stage)), 0);
    assert.equal((await all(stage)).length, 1);
  },
  'rows that are not marked are counted and told by their keys': async (stage) => {
    const rows = Array.from({ length: 300 }, (_, i) => changed(i + 1, aSample({ id: `id-${i}` })));
    await stage.tables.merge(samplesTable, rows, how(stage));
    await stage.tables.merge(samplesTable, [dead(400, 'id-7')], how(stage));
    assert.equal(await stage.tables.count(samplesTable), 299);
    await stage.tables.merge(samplesTable, [dead(401, 'id-8')], how(stage, { dead: 'mark' }));
    assert.equal(await stage.tables.count(samplesTable), 298);
    const told: string[] = [];
    for await (const page of stage.tables.keys(samplesTable)) told.push(...page.map(({ id, part }) => `${id} ${part}`));
    const expected = rows.map(({ key }) => `${key.id} ${key.part}`).filter((key) => key !== 'id-7 x' && key !== 'id-8 x');
    assert.deepEqual(told.sort(), expected.sort());
  },
  'a row that somebody renamed is counted no more, and told neither under its old key nor under its new one': async (stage) => {
    const told = async () => {
      const keys: string[] = [];
      for await (const page of stage.tables.keys(samplesTable)) keys.push(...page.map(({ id, part }) => `${id} ${part}`));
      return keys.sort();
    };
    await stage.tables.merge(samplesTable, [changed(1, aSample()), changed(2, aSample({ id: 'b' }))], how(stage));
    await stage.edit({ note: 'one' });
    assert.deepEqual([await stage.tables.count(samplesTable), await told()], [2, ['a x', 'b x']]);
    await stage.edit({ part: 'y' });
    assert.deepEqual([await stage.tables.count(samplesTable), await told()], [1, ['b x']]);
    await stage.tables.merge(samplesTable, [changed(3, aSample())], how(stage));
    await stage.edit({ id: 'z' });
    assert.deepEqual([await stage.tables.count(samplesTable), await told()], [1, ['b x']]);
  },
  'in a table that nobody watches an edit is not read as what was written, and written over': async (stage) => {
    const unwatched = { ...samplesTable, watched: false };
    await stage.tables.merge(unwatched, [changed(1, aSample())], how(stage));
    await stage.edit({ note: 'one', tags: null });
    const [read] = await all(stage, undefined, unwatched);
    assert.deepEqual(read?.was ?? read?.row, aSample());
    assert.equal(await stage.tables.merge(unwatched, [changed(5, aSample({ limit: 5 }))], how(stage)), 0);
    assert.deepEqual((await all(stage))[0]?.row, aSample({ limit: 5 }));
  },
  'thousands of rows in one go': async (stage) => {
    const rows = Array.from({ length: 6_000 }, (_, i) => changed(i + 1, aSample({ id: `id-${i}`, limit: i })));
    await stage.tables.merge(samplesTable, rows, how(stage));
    const stored = await all(stage);
    assert.equal(stored.length, 6_000);
    assert.equal(
      stored.reduce((sum, r) => sum + Number(r.row.limit), 0),
      (5_999 * 6_000) / 2,
    );
  },
};
