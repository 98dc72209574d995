/**
 * Brings the central dataset to what is declared. May run any number of times, from several places at once.
 *
 * 1. Nothing is ever dropped or retyped: a column that differs from its declaration is an error that says so.
 * 2. A table that lacks a declared column gets it, as NULLABLE.
 */
import type { TableSpec, Warehouse } from '@convergence/ports';
import { CENTRAL_TABLES, CUSTOMERS_DATASET, centralViews, customerViews } from './central.ts';
import { migrate } from './migrations.ts';

export async function provisionTables(options: {
  readonly warehouse: Warehouse;
  readonly dataset: string;
  readonly location: string;
}): Promise<string[]> {
  const { warehouse, dataset, location } = options;
  const done: string[] = [];
  const note = (made: boolean, what: string) => {
    if (made) done.push(what);
  };
  note(
    await warehouse.createDataset(dataset, { location, description: 'Control plane: tenants, schedules, runs, and their journals.' }),
    `dataset ${dataset}`,
  );
  await Promise.all(
    CENTRAL_TABLES.map(async ({ table }) => {
      if (await warehouse.createTable(dataset, table)) done.push(`table ${table.name}`);
      else done.push(...(await complete(warehouse, dataset, table)));
    }),
  );
  done.push(...(await migrate(warehouse, dataset)));

  const central = `\`${warehouse.project}.${dataset}\``;
  for (const view of centralViews(central)) note(await warehouse.createView(dataset, view), `view ${view.name}`);
  note(
    await warehouse.createDataset(CUSTOMERS_DATASET, { location, description: 'The tables of tenants under their customer names.' }),
    `dataset ${CUSTOMERS_DATASET}`,
  );
  for (const view of customerViews(central))
    note(await warehouse.createView(CUSTOMERS_DATASET, view), `view ${CUSTOMERS_DATASET}.${view.name}`);
  return done;
}

async function complete(warehouse: Warehouse, dataset: string, table: TableSpec): Promise<string[]> {
  const there = new Map((await warehouse.columnsOf(dataset, table.name))?.map((c) => [c.name, c]));
  const missing = table.columns.filter((c) => !there.has(c.name));
  for (const column of table.columns) {
    const found = there.get(column.name);
    const same = (a: string, b: string) => a.replace(/\s/g, '').toUpperCase() === b.replace(/\s/g, '').toUpperCase();
    if (found && !same(found.type, column.type)) {
      throw new Error(`${dataset}.${table.name}.${column.name} is ${found.type}, declared as ${column.type}: write a migration`);
    }
  }
  if (missing.length > 0) await warehouse.addColumns(dataset, table.name, missing);
  return missing.map((c) => `column ${table.name}.${c.name}`);
}
