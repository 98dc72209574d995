import { createRequire } from 'node:module';
import { aJournalRow } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { encodeRow, ROW_DESCRIPTOR } from './row-encoder.ts';

const protobuf = createRequire(import.meta.url)('protobufjs') as {
  Type: new (name: string) => { add(field: object): unknown; decode(bytes: Uint8Array): object; toObject(m: object, o: object): object };
  Field: new (name: string, id: number, type: string) => object;
};

describe('journal rows as protobuf', () => {
  test('an independent decoder reads what was written, whatever the text and the number', () => {
    const type = new protobuf.Type('JournalRow');
    for (const { name, number, type: kind } of ROW_DESCRIPTOR.field)
      type.add(new protobuf.Field(name, number, kind === 3 ? 'int64' : 'string'));
    const rows = [
      aJournalRow(1),
      aJournalRow(127, { actor: null, trace_id: null }),
      aJournalRow(128, { data: 'x'.repeat(70_000), subject: 'ÄÖÜ€💶' }),
      aJournalRow(1, { sequence: Number.MAX_SAFE_INTEGER, at: '2099-12-31T23:59:59.999Z', epoch: 2 ** 40, data: '' }),
    ];
    for (const row of rows) {
      const read = type.toObject(type.decode(encodeRow(row)), { longs: Number, defaults: false });
      const expected = { ...row, at: Date.parse(row.at) * 1000 } as Record<string, unknown>;
      for (const [name, value] of Object.entries(expected)) if (value === null) delete expected[name];
      expect({ ...read }).toEqual(expected);
    }
  });
});
