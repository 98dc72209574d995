/** From the columns a table has to the columns it shall have: the statements that DuckDB needs. Pure. */
import type { Column } from '../../googlesql/contract.ts';
import { physicalType, quote } from '../../googlesql/sql-type.ts';
import type { TableRecord } from './catalog.ts';
import { physicalName } from './parts.ts';

/** Columns are matched by name, case-insensitively; new ones go last (before `_PARTITIONTIME`, which is never addressed by position). */
export function reshapeSql(table: TableRecord, after: readonly Column[]): string[] {
  const physical = physicalName(table.id);
  const before = new Map(table.columns.map((column) => [column.name.toLowerCase(), column]));
  const sql: string[] = [];
  for (const now of after) {
    const old = before.get(now.name.toLowerCase());
    if (!old) {
      sql.push(`ALTER TABLE ${physical} ADD COLUMN ${quote(now.name)} ${physicalType(now.type)}`);
      continue;
    }
    if (old.required && !now.required) sql.push(`ALTER TABLE ${physical} ALTER COLUMN ${quote(old.name)} DROP NOT NULL`);
    if (physicalType(old.type) !== physicalType(now.type)) {
      sql.push(`ALTER TABLE ${physical} ALTER COLUMN ${quote(old.name)} TYPE ${physicalType(now.type)}`);
    }
  }
  const kept = new Set(after.map((column) => column.name.toLowerCase()));
  for (const old of table.columns)
    if (!kept.has(old.name.toLowerCase())) sql.push(`ALTER TABLE ${physical} DROP COLUMN ${quote(old.name)}`);
  return sql;
}
