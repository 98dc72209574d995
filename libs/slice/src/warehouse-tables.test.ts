import type { CheckpointRow, Statement } from '@convergence/ports';
import { aSample, samplesTable } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { warehouseTables } from './warehouse-tables.ts';

/** BigQuery's own limit for a request; a value travels as `"name":{"value":"text"}`. */
const REQUEST_BYTES = 10_000_000;

async function statementsFor(texts: readonly string[]): Promise<{ rows: readonly { id: string }[]; bytes: number }[]> {
  const seen: { rows: readonly { id: string }[]; bytes: number }[] = [];
  const run = async ({ sql, parameters }: Statement) => {
    const rows = parameters?.rows?.value as readonly { id: string }[];
    const values = rows
      .flatMap((row) => Object.entries(row))
      .map(([name, value]) => `"${name}":{"value":${JSON.stringify(String(value))}},`);
    seen.push({ rows, bytes: Buffer.byteLength(sql + values.join('')) });
    return { rows: [], affectedRows: rows.length, bytesProcessed: 0n, jobId: undefined };
  };
  const tables = warehouseTables({ run, project: 'p', pages: undefined as never }, 'tenants');
  const rows = texts.map((note, i): CheckpointRow => {
    const row = aSample({ id: `r${i}`, note });
    return { key: { id: `r${i}`, part: 'x' }, sequence: i, row, partition: String(row.day) };
  });
  await tables.merge(samplesTable, rows, { dead: 'remove', guard: { slice: 's', epoch: 1 }, id: 'x' });
  expect(seen.flatMap((statement) => statement.rows.map((row) => row.id))).toEqual(rows.map((row) => row.key.id));
  return seen;
}

test('a checkpoint is one statement a table, up to five thousand rows', async () => {
  expect(await statementsFor(Array<string>(5000).fill('text'))).toHaveLength(1);
  expect(await statementsFor(Array<string>(5001).fill('text'))).toHaveLength(2);
});

test.each([
  ['plain', 'x'],
  ['quoted', '"'],
  ['of three bytes a letter', '\u20ac'],
])('rows whose texts are long and %s never make a request larger than BigQuery takes', async (_, letter) => {
  const statements = await statementsFor(Array<string>(2000).fill(letter.repeat(16_384)));
  for (const { bytes } of statements) expect(bytes).toBeLessThan(REQUEST_BYTES);
  expect(statements.length).toBeLessThan(20);
});

test('others have their turn between making the rows and what the warehouse does with them', async () => {
  const order: string[] = [];
  const run = async () => {
    order.push('asked');
    return { rows: [], affectedRows: 1, bytesProcessed: 0n, jobId: undefined };
  };
  const tables = warehouseTables({ run, project: 'p', pages: undefined as never }, 'tenants');
  setImmediate(() => order.push('others'));
  const row = { key: { id: 'r', part: 'x' }, sequence: 1, row: aSample({ id: 'r' }), partition: '2026-01-01' };
  await tables.merge(samplesTable, [row], { dead: 'remove', guard: { slice: 's', epoch: 1 }, id: 'x' });
  expect(order).toEqual(['others', 'asked']);
});
