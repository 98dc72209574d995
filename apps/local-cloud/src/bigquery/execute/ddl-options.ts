/** OPTIONS(...) of DDL as properties of tables, views and datasets. Pure. */
import type { TableOptions } from '../../googlesql/contract.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import type { NewTable } from '../catalog/metadata.ts';
import { mergeLabels } from '../rest/labels.ts';

const MS_PER_DAY = 86_400_000;
const millisOf = (value: unknown): string | undefined => {
  if (value === null) return undefined;
  if (typeof value === 'bigint') return String(value / 1000n);
  const parsed = typeof value === 'number' ? value : Date.parse(String(value).replace(/ UTC$/, 'Z').replace(' ', 'T'));
  return Number.isFinite(parsed) ? String(parsed) : undefined;
};

/** Labels come as `[("key", "value")]`, however the compiler writes pairs. */
function labelsFrom(value: unknown): Record<string, string> {
  if (value === null || value === undefined) return {};
  const pairs = Array.isArray(value) ? value : Object.entries(value as object);
  return mergeLabels(
    {},
    Object.fromEntries(
      pairs.map((pair) => (Array.isArray(pair) ? pair : (Object.values(pair as object) as [string, string])) as [string, string]),
    ),
  );
}

export function withOptions<T extends NewTable | TableRecord>(record: T, options: TableOptions): T {
  const next: Record<string, unknown> = { ...record };
  const set = (name: string, value: unknown) => {
    if (value === undefined || value === null) delete next[name];
    else next[name] = value;
  };
  for (const [name, value] of Object.entries(options)) {
    switch (name.toLowerCase()) {
      case 'description':
        set('description', value);
        break;
      case 'friendly_name':
        set('friendlyName', value);
        break;
      case 'labels':
        set('labels', labelsFrom(value));
        break;
      case 'expiration_timestamp':
        set('expirationTime', millisOf(value));
        break;
      case 'partition_expiration_days':
        set('partitionExpirationMs', value === null ? null : String(Number(value) * MS_PER_DAY));
        break;
      case 'require_partition_filter':
        set('requirePartitionFilter', Boolean(value));
        break;
      default:
        next.other = { ...(next.other as object), ...optionOf(name, value) };
    }
  }
  return next as unknown as T;
}
/** Options that are kept for show only. */
function optionOf(name: string, value: unknown): Record<string, unknown> {
  const camel = name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return { [camel]: typeof value === 'bigint' ? String(value) : value };
}

export function datasetOptions(options: TableOptions): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    switch (name.toLowerCase()) {
      case 'description':
        found.description = value;
        break;
      case 'friendly_name':
        found.friendlyName = value;
        break;
      case 'labels':
        found.labels = labelsFrom(value);
        break;
      case 'default_table_expiration_days':
        found.defaultTableExpirationMs = value === null ? null : String(Number(value) * MS_PER_DAY);
        break;
      case 'default_partition_expiration_days':
        found.defaultPartitionExpirationMs = value === null ? null : String(Number(value) * MS_PER_DAY);
        break;
      default:
        break;
    }
  }
  return found;
}
export function withoutNulls<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null)) as T;
}
