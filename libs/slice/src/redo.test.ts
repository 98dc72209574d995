import assert from 'node:assert/strict';
import type { CheckpointRow } from '@convergence/ports';
import { test } from '@jest/globals';
import { type RedoChunk, redoChunks } from './redo.ts';

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
