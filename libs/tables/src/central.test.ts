import type { TableSpec } from '@convergence/ports';
import { fakeWarehouse } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { CENTRAL_TABLES } from './central.ts';
import { type Migration, migrate } from './migrations.ts';
import { provisionTables } from './provision.ts';

const all: readonly TableSpec[] = CENTRAL_TABLES.map((t) => t.table);

describe('central tables', () => {
  test('names are unique; every table and column is described; partition and cluster columns exist', () => {
    expect(new Set(all.map((t) => t.name)).size).toBe(all.length);
    for (const table of all) {
      expect(table.description).not.toBe('');
      const names = table.columns.map((c) => c.name);
      expect(new Set(names).size).toBe(names.length);
      for (const column of table.columns) expect(`${table.name}.${column.name}: ${column.description}`).toMatch(/: \S/);
      for (const used of [...(table.clusterBy ?? []), ...(table.partitionBy ? [table.partitionBy.column] : [])])
        expect(names).toContain(used);
      expect(table.clusterBy?.length ?? 0).toBeLessThanOrEqual(4);
    }
  });
  test('money is never FLOAT64', () => {
    for (const table of all)
      for (const column of table.columns) expect(`${table.name}.${column.name} ${column.type}`).not.toMatch(/FLOAT64/);
  });
});

describe('provisioning', () => {
  const options = () => {
    const warehouse = fakeWarehouse();
    return { warehouse, dataset: 'tenants', location: 'US' };
  };
  test('makes everything once, then nothing', async () => {
    const how = options();
    const made = await provisionTables(how);
    expect(made).toContain('table slice_owners');
    expect(await provisionTables(how)).toEqual([]);
  });
  test('adds a column that a table lacks, and refuses one of another type', async () => {
    const how = options();
    await how.warehouse.createDataset('tenants', { location: 'US', description: 'x' });
    const [first] = all as [TableSpec];
    await how.warehouse.createTable('tenants', { ...first, columns: first.columns.slice(0, -1) });
    expect(await provisionTables(how)).toContain(`column ${first.name}.${first.columns.at(-1)!.name}`);

    const wrong = options();
    await wrong.warehouse.createDataset('tenants', { location: 'US', description: 'x' });
    await wrong.warehouse.createTable('tenants', { ...first, columns: [{ ...first.columns[0]!, type: 'BYTES' }] });
    await expect(provisionTables(wrong)).rejects.toThrow(/write a migration/);
  });
});

describe('migrations', () => {
  const ran: number[] = [];
  const migration = (number: number): Migration => ({ number, name: `change-${number}`, run: async () => void ran.push(number) });

  test('those that were not applied run in order, and are remembered', async () => {
    const warehouse = fakeWarehouse();
    warehouse.answer(/SELECT number/, [{ number: 1 }]);
    warehouse.answer(/INSERT INTO/, { affectedRows: 1 });
    expect(await migrate(warehouse, 'tenants', [migration(1), migration(2), migration(3)])).toEqual([
      'migration 2 change-2',
      'migration 3 change-3',
    ]);
    expect(ran).toEqual([2, 3]);
    expect(warehouse.statements.filter((s) => /INSERT/.test(s.sql)).map((s) => s.parameters?.number?.value)).toEqual([2, 3]);
  });
  test('a gap in the numbers is refused', async () => {
    await expect(migrate(fakeWarehouse(), 'tenants', [migration(1), migration(3)])).rejects.toThrow(/without a gap/);
  });
});
