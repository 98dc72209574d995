/**
 * A tenant's operational tables may have been made by an earlier version, without a column that this one reads or writes.
 *
 * 1. Nothing is looked at while all is well: with very many tenants that would use up what BigQuery allows of metadata. What the warehouse
 * refuses and names such a table is tried once more, when the table got the columns that it lacked. 2. Nothing is dropped or retyped.
 * 3. Refused rows are tried once more even when it lacks nothing by now: another executor, or another append, may have added the columns.
 */
import { Transient } from '@convergence/contracts';
import { type Statement, type TableSpec, type Warehouse, WarehouseError } from '@convergence/ports';

type Named = readonly [dataset: string, table: string];

export function completing(warehouse: Warehouse, tables: readonly TableSpec[]): Warehouse {
  const names = new RegExp(`(?:\\b(\\w+)\`?\\.)?\`?\\b(${tables.map(({ name }) => name).join('|')})\\b`, 'g');

  /** The names of what was added. */
  async function complete(dataset: string, name: string): Promise<readonly string[]> {
    const spec = tables.find((table) => table.name === name);
    const there = spec && (await warehouse.columnsOf(dataset, name));
    if (!there) return [];
    const missing = spec.columns.filter((column) => !there.some((found) => found.name === column.name));
    if (missing.length > 0)
      await warehouse.addColumns(
        dataset,
        name,
        missing.map((column) => ({ ...column, required: false })),
      );
    return missing.map((column) => column.name);
  }

  async function twice<T>(work: () => Promise<T>, named: readonly Named[], again: boolean): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof WarehouseError)) throw error;
      const added = (await Promise.all(named.map((table) => complete(...table)))).flat();
      if (added.length === 0 && again) return work();
      if (added.length === 0) throw error;
      return work().catch((cause: unknown) => {
        // BigQuery may show the change some minutes later.
        throw new Transient(`The columns ${added.join(', ')} were added just now: ${cause instanceof Error ? cause.message : cause}`, {
          cause,
        });
      });
    }
  }

  const namedIn = ({ sql, defaultDataset }: Statement) => {
    const found = [...sql.matchAll(names)].flatMap(([, dataset = defaultDataset, table]) =>
      dataset && table ? [[dataset, table] as const] : [],
    );
    return [...new Map(found.map((one) => [one.join('.'), one])).values()];
  };

  return {
    ...warehouse,
    append: (dataset, table, rows) =>
      twice(
        () => warehouse.append(dataset, table, rows),
        [[dataset, table]],
        tables.some(({ name }) => name === table),
      ),
    run: (statement) => twice(() => warehouse.run(statement), namedIn(statement), false),
  };
}
