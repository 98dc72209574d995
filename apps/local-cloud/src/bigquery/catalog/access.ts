/**
 * Who may do what. A dataset's access list grants roles; a table may add its own. Knows callers only by their subject.
 *
 * 1. An owner caller (the person at the laptop) may do everything.
 * 2. OWNER includes WRITER includes READER; IAM role names count as the basic role that they contain.
 * 3. Anyone may ask for jobs in a project; what a job touches is checked table by table.
 * 4. Who creates a dataset becomes its owner.
 */
import type { TablePath } from '../../googlesql/contract.ts';
import type { Caller } from '../../identity/index.ts';
import { ApiError } from '../errors.ts';
import type { AccessEntry, CatalogStore, DatasetRecord, TableRecord } from './catalog.ts';

export type Right = 'read' | 'write' | 'own' | 'metadata';

const READ = 1;
const WRITE = 2;
const OWN = 3;
const LIST = 0.5;
const needed: Record<Right, number> = { metadata: LIST, read: READ, write: WRITE, own: OWN };
const levels: Record<string, number> = {
  READER: READ,
  WRITER: WRITE,
  OWNER: OWN,
  'roles/bigquery.metadataViewer': LIST,
  'roles/bigquery.dataViewer': READ,
  'roles/bigquery.dataEditor': WRITE,
  'roles/bigquery.dataOwner': OWN,
  'roles/bigquery.admin': OWN,
  'roles/bigquery.filteredDataViewer': LIST,
};

export function memberMatches(member: string, subject: string): boolean {
  const name = member.replace(/^(user|serviceAccount|group|principal):/, '');
  if (name === 'allUsers' || name === 'allAuthenticatedUsers') return true;
  if (member.startsWith('domain:')) return subject.endsWith(`@${member.slice('domain:'.length)}`);
  return name.toLowerCase() === subject.toLowerCase();
}

function matches(entry: AccessEntry, subject: string): boolean {
  if (entry.userByEmail !== undefined) return memberMatches(entry.userByEmail, subject);
  if (entry.iamMember !== undefined) return memberMatches(entry.iamMember, subject);
  if (entry.groupByEmail !== undefined) return memberMatches(entry.groupByEmail, subject);
  if (entry.domain !== undefined) return memberMatches(`domain:${entry.domain}`, subject);
  return entry.specialGroup === 'allAuthenticatedUsers';
}

function levelOn(dataset: DatasetRecord | undefined, table: TableRecord | undefined, subject: string): number {
  let level = 0;
  for (const entry of dataset?.access ?? []) {
    if (entry.role !== undefined && matches(entry, subject)) level = Math.max(level, levels[entry.role] ?? 0);
  }
  for (const { role, members } of table?.access ?? []) {
    if (members.some((member) => memberMatches(member, subject))) level = Math.max(level, levels[role] ?? 0);
  }
  return level;
}

export function may(
  catalog: CatalogStore,
  caller: Caller,
  right: Right,
  path: { project: string; dataset: string; table?: string },
): boolean {
  if (caller.owner) return true;
  const dataset = catalog.dataset(path.project, path.dataset);
  const table = path.table === undefined ? undefined : catalog.table(path as TablePath);
  return levelOn(dataset, table, caller.subject) >= needed[right];
}

const permissions: Record<Right, [string, string]> = {
  metadata: ['bigquery.datasets.get', 'bigquery.tables.get'],
  read: ['bigquery.datasets.get', 'bigquery.tables.getData'],
  write: ['bigquery.tables.create', 'bigquery.tables.updateData'],
  own: ['bigquery.datasets.update', 'bigquery.tables.delete'],
};

export function demand(
  catalog: CatalogStore,
  caller: Caller,
  right: Right,
  path: { project: string; dataset: string; table?: string },
): void {
  if (may(catalog, caller, right, path)) return;
  const [onDataset, onTable] = permissions[right];
  if (path.table === undefined) {
    const name = `${path.project}:${path.dataset}`;
    throw new ApiError(
      'accessDenied',
      `Access Denied: Dataset ${name}: Permission ${onDataset} denied on dataset ${name} (or it may not exist).`,
    );
  }
  const name = `${path.project}:${path.dataset}.${path.table}`;
  const action =
    right === 'read'
      ? `User does not have permission to query table ${name}, or perhaps it does not exist.`
      : `Permission ${onTable} denied on table ${name} (or it may not exist).`;
  throw new ApiError('accessDenied', `Access Denied: Table ${name}: ${action}`);
}
