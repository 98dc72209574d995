import assert from 'node:assert/strict';
import type { CheckpointRow } from '@convergence/ports';
import { test } from '@jest/globals';
import { PackedRows, type RedoChunk, redoChunks } from './redo.ts';

const rows = (count: number, length: number): CheckpointRow[] =>
  Array.from({ length: count }, (_, i) => ({ key: { id: String(i) }, row: { id: String(i), text: 'x'.repeat(length) }, sequence: i }));

test('the rows of a checkpoint are told in texts of about 16 KB, in their order, none left out', () => {
  const chunks = redoChunks('tenants', rows(500, 1_000));
  assert.ok(Math.max(...chunks.map((chunk) => chunk.length)) < 17_000);
  assert.ok(chunks.length < 40);
  const told = chunks.map((chunk) => JSON.parse(chunk) as RedoChunk);
  assert.deepEqual(
    told.flatMap((chunk) => chunk.rows.map((row) => row.key.id)),
    rows(500, 0).map((row) => row.key.id),
  );
  assert.ok(told.every((chunk) => chunk.table === 'tenants'));
});

test('a row longer than that has a text of its own, and no rows have none', () => {
  assert.equal(redoChunks('tenants', rows(3, 20_000)).length, 3);
  assert.deepEqual(redoChunks('tenants', []), []);
});

test('packed rows come out in their order, as often as they are asked for', () => {
  const packed = new PackedRows();
  const given = rows(2_000, 1_000);
  for (let from = 0; from < given.length; from += 250) {
    const piece = given.slice(from, from + 250);
    packed.add(piece, redoChunks('tenants', piece));
  }
  assert.equal(packed.count, given.length);
  assert.equal(packed.dead, false);
  assert.deepEqual([...packed], given);
  assert.deepEqual([...packed], given);
});

test('whole numbers and bytes are text, a dead row is told of', () => {
  const packed = new PackedRows();
  const row = { n: 2n ** 60n, sealed: Buffer.from([0, 255, 10]), list: ['a\nb'], none: null };
  const given: CheckpointRow[] = [
    { key: { id: '1' }, row, sequence: 1, partition: '2026-01-01', over: 'edited' },
    { key: { id: '2' }, row: null, sequence: 2 },
  ];
  packed.add(given, redoChunks('tenants', given));
  assert.equal(packed.dead, true);
  assert.deepEqual(
    [...packed],
    [
      { ...given[0], row: { n: '1152921504606846976', sealed: 'AP8K', list: ['a\nb'], none: null } },
      { ...given[1], row: null },
    ],
  );
});
