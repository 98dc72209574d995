/** What ALTER and the REST schema update both allow: nullable columns added, REQUIRED relaxed; nothing dropped or retyped. */
import type { Column, TablePath } from '../../googlesql/contract.ts';
import { invalid } from '../errors.ts';

export function widenedColumns(path: TablePath, before: readonly Column[], after: readonly Column[]): void {
  const next = new Map(after.map((column) => [column.name.toLowerCase(), column]));
  for (const old of before) {
    const now = next.get(old.name.toLowerCase());
    if (!now) throw mismatch(path, `Field ${old.name} is missing in new schema`);
    if (!old.required && now.required) throw mismatch(path, `Field ${old.name} has changed mode from NULLABLE to REQUIRED`);
    if (!typeContains(now.type, old.type))
      throw mismatch(path, `Field ${old.name} has changed type from ${old.type.kind} to ${now.type.kind}`);
  }
  const known = new Set(before.map((column) => column.name.toLowerCase()));
  for (const now of after) {
    if (!known.has(now.name.toLowerCase()) && now.required)
      throw mismatch(path, `Cannot add required fields to an existing schema. (field: ${now.name})`);
  }
}
const mismatch = (path: TablePath, what: string) =>
  invalid(`Provided Schema does not match Table ${path.project}:${path.dataset}.${path.table}. ${what}`);

function typeContains(now: Column['type'], old: Column['type']): boolean {
  if (now.kind === 'ARRAY' && old.kind === 'ARRAY') return typeContains(now.element, old.element);
  if (now.kind === 'RANGE' && old.kind === 'RANGE') return typeContains(now.element, old.element);
  if (now.kind === 'STRUCT' && old.kind === 'STRUCT') {
    return old.fields.every((field) => {
      const same = now.fields.find((other) => other.name.toLowerCase() === field.name.toLowerCase());
      return same !== undefined && typeContains(same.type, field.type);
    });
  }
  return now.kind === old.kind;
}
