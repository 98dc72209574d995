import type { ColumnSpec, TableSpec } from '@convergence/ports';

const SLICE_COLUMNS: readonly ColumnSpec[] = [
  { name: 'x_sequence', type: 'INT64', description: "Journal sequence of the row's last change: rows only move forward." },
  { name: 'x_deleted', type: 'BOOL', description: 'The row is gone and will be purged in a moment.' },
  { name: 'x_written', type: 'STRING', description: 'The row as its owner wrote it last; differs from it when somebody else edited it.' },
];

/** A table that a slice checkpoints into, with the columns that the slice needs. */
export function checkpointed(table: TableSpec): TableSpec {
  const there = new Set(table.columns.map((c) => c.name));
  return { ...table, columns: [...table.columns, ...SLICE_COLUMNS.filter((c) => !there.has(c.name))] };
}
