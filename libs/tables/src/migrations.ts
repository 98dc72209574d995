/**
 * Changes to the tables that a declaration can't express, in order.
 *
 * 1. A number is used once and never changes its meaning; the list is only ever added to. 2. A migration may run twice (two
 * deployments at once, an answer lost): it must not mind. 3. It runs before the services of its version do.
 */
import type { Warehouse } from '@convergence/ports';

export interface Migration {
  readonly number: number;
  readonly name: string;
  run(warehouse: Warehouse, dataset: string): Promise<void>;
}

export const MIGRATIONS: readonly Migration[] = [];

/** Applies what was not applied yet; names of those applied now. */
export async function migrate(warehouse: Warehouse, dataset: string, migrations: readonly Migration[] = MIGRATIONS): Promise<string[]> {
  for (const [i, { number }] of migrations.entries()) {
    if (number !== i + 1) throw new RangeError(`migrations are numbered from 1 without a gap: ${number} stands at place ${i + 1}`);
  }
  if (migrations.length === 0) return [];
  const table = `\`${warehouse.project}.${dataset}.schema_migrations\``;
  const { rows } = await warehouse.run({ sql: `SELECT number FROM ${table}` });
  const applied = new Set(rows.map((row) => Number(row.number)));
  const now: string[] = [];
  for (const migration of migrations) {
    if (applied.has(migration.number)) continue;
    await migration.run(warehouse, dataset);
    await warehouse.run({
      sql: `INSERT INTO ${table} (number, name, applied_at) VALUES (@number, @name, CURRENT_TIMESTAMP())`,
      parameters: { number: { type: 'INT64', value: migration.number }, name: { type: 'STRING', value: migration.name } },
    });
    now.push(`migration ${migration.number} ${migration.name}`);
  }
  return now;
}
