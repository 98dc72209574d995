/**
 * What exists: datasets, tables, views, routines, row policies. Held whole in memory; on disk one append-only DuckDB
 * table of records, so that a change of metadata commits together with the data it belongs to. Knows no HTTP and no SQL
 * but its own.
 *
 * 1. Memory changes only after the transaction that holds the record has committed.
 * 2. A record is never changed in place: the same object means the same metadata, so holders may compare by identity.
 * 3. A physical table is named by the number of its BigQuery table, or that of a part (parts.ts); neither is ever given to another.
 * 4. A table that never held a row has no physical table until something asks for it: ten thousand empty datasets cost memory only. One whose
 *    rows all lie in parts has none until something is added.
 */
import { createHash } from 'node:crypto';
import { BIGINT, VARCHAR } from '@duckdb/node-api';
import type { CatalogRoutine, Column, Partitioning, TablePath } from '../../googlesql/contract.ts';
import type { Connection } from '../storage/connection.ts';
import { Parts, physicalName } from './parts.ts';

export interface AccessEntry {
  readonly role?: string;
  readonly userByEmail?: string;
  readonly groupByEmail?: string;
  readonly specialGroup?: string;
  readonly iamMember?: string;
  readonly domain?: string;
  readonly view?: { readonly projectId: string; readonly datasetId: string; readonly tableId: string };
  readonly [other: string]: unknown;
}

export interface DatasetRecord {
  readonly project: string;
  readonly dataset: string;
  readonly location: string;
  readonly created: number;
  readonly modified: number;
  readonly access: readonly AccessEntry[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly description?: string;
  readonly friendlyName?: string;
  readonly defaultTableExpirationMs?: string;
  readonly defaultPartitionExpirationMs?: string;
  /** Properties that are kept and given back, and change nothing here. */
  readonly other?: Readonly<Record<string, unknown>>;
}

export interface RowPolicy {
  readonly name: string;
  readonly grantees: readonly string[];
  readonly filter: string;
  readonly created: number;
}

export interface TableRecord {
  readonly id: number;
  readonly path: TablePath;
  readonly kind: 'TABLE' | 'VIEW';
  readonly columns: readonly Column[];
  readonly partitioning?: Partitioning;
  readonly clustering?: readonly string[];
  readonly requirePartitionFilter?: boolean;
  readonly partitionExpirationMs?: string;
  readonly viewSql?: string;
  readonly primaryKey?: readonly string[];
  readonly policies?: readonly RowPolicy[];
  readonly access?: readonly { readonly role: string; readonly members: readonly string[] }[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly description?: string;
  readonly friendlyName?: string;
  readonly expirationTime?: string;
  readonly created: number;
  readonly modified: number;
  readonly location: string;
  readonly other?: Readonly<Record<string, unknown>>;
  readonly ddl?: string;
}

export interface RoutineRecord {
  readonly routine: CatalogRoutine;
  readonly created: number;
  readonly modified: number;
  readonly description?: string;
}

export type Change =
  | { readonly put: 'dataset'; readonly record: DatasetRecord }
  | { readonly put: 'table'; readonly record: TableRecord }
  | { readonly put: 'routine'; readonly record: RoutineRecord }
  | { readonly put: 'parts'; readonly record: { readonly id: number; readonly parts: readonly number[] } }
  | { readonly drop: 'dataset'; readonly project: string; readonly dataset: string }
  | { readonly drop: 'table'; readonly path: TablePath }
  | { readonly drop: 'routine'; readonly project: string; readonly dataset: string; readonly name: string };

interface DatasetEntry {
  record: DatasetRecord;
  /** A record stays the text it was read as until someone asks for it: most tables of a large catalog are never asked for. */
  readonly tables: Map<string, TableRecord | string>;
  readonly routines: Map<string, RoutineRecord>;
}

const keyOf = (change: Change): string => {
  if ('put' in change) {
    if (change.put === 'dataset') return JSON.stringify([change.record.project, change.record.dataset]);
    if (change.put === 'table') return JSON.stringify(Object.values(pathOnly(change.record.path)));
    if (change.put === 'parts') return String(change.record.id);
    const { project, dataset, routine } = change.record.routine.path;
    return JSON.stringify([project, dataset, routine.toLowerCase()]);
  }
  if (change.drop === 'dataset') return JSON.stringify([change.project, change.dataset]);
  if (change.drop === 'table') return JSON.stringify(Object.values(pathOnly(change.path)));
  return JSON.stringify([change.project, change.dataset, change.name.toLowerCase()]);
};
const pathOnly = (path: TablePath) => ({ project: path.project, dataset: path.dataset, table: path.table });

/** BigInts (the bounds of integer ranges) travel as {"$int": "..."}. */
const write = (record: unknown) => JSON.stringify(record, (_, value) => (typeof value === 'bigint' ? { $int: String(value) } : value));
export const etagOf = (record: object) => createHash('md5').update(write(record)).digest('base64');
const read = (text: string) =>
  text.includes('"$int"')
    ? JSON.parse(text, (_, value) => (value && typeof value === 'object' && typeof value.$int === 'string' ? BigInt(value.$int) : value))
    : JSON.parse(text);
const idIn = (text: string) => Number(/"id":(\d+)/.exec(text)![1]);

export class CatalogStore {
  readonly parts = new Parts();
  readonly #projects = new Map<string, Map<string, DatasetEntry>>();
  readonly #physical = new Set<number>();
  readonly #policied = new Set<number>();
  readonly #expiring = new Set<number>();
  readonly #where = new Map<number, TablePath>();
  #nextId = 1;
  /** Ids below this one may have been used before a restart, by tables that are gone. */
  #reservedIds = 0;
  #sequence = 1;
  #version = 0;

  static readonly tables = ['CREATE TABLE IF NOT EXISTS local_catalog (sequence BIGINT, kind VARCHAR, key VARCHAR, record VARCHAR)'];

  async load(connection: Connection): Promise<void> {
    const rows = await connection.rows('SELECT sequence, kind, key, record FROM local_catalog ORDER BY sequence');
    const latest = new Map<string, string | null>();
    for (const [sequence, kind, key, record] of rows) {
      latest.set(`${kind} ${key}`, record as string | null);
      this.#sequence = Math.max(this.#sequence, Number(sequence) + 1);
    }
    this.#reservedIds = Number(latest.get('meta table-ids') ?? 0);
    this.#nextId = Math.max(1, this.#reservedIds);
    for (const pass of ['dataset', 'table', 'routine', 'parts'] as const) {
      for (const [name, text] of latest) {
        if (text === null || !name.startsWith(`${pass} `)) continue;
        if (pass === 'table') this.#keepText(name.slice('table '.length), text);
        else this.#apply({ put: pass, record: read(text) } as Change);
      }
    }
    const present = await connection.rows(
      "SELECT table_name FROM duckdb_tables() WHERE table_name SIMILAR TO 't[0-9]+' AND database_name = current_database()",
    );
    const live = this.#where;
    for (const id of this.parts.owners()) if (!live.has(id)) this.parts.set(id, []);
    const parts = this.parts.all();
    for (const [name] of present) {
      const id = Number(String(name).slice(1));
      this.#nextId = Math.max(this.#nextId, id + 1);
      if (live.has(id)) this.#physical.add(id);
      else if (!parts.has(id)) await connection.run(`DROP TABLE ${physicalName(id)}`);
    }
    if (rows.length > 1000 && rows.length > 2 * latest.size) await this.#compact(connection);
  }

  #keepText(key: string, text: string): void {
    const [project, dataset, table] = JSON.parse(key) as [string, string, string];
    const entry = this.#entry(project, dataset);
    if (!entry) return;
    const id = idIn(text);
    entry.tables.set(table, text);
    this.#where.set(id, { project, dataset, table });
    this.#nextId = Math.max(this.#nextId, id + 1);
    if (text.includes('"policies":[{')) this.#policied.add(id);
    if (text.includes('"expirationTime"')) this.#expiring.add(id);
  }

  #parsed(entry: DatasetEntry | undefined, name: string): TableRecord | undefined {
    const kept = entry?.tables.get(name);
    if (typeof kept !== 'string') return kept;
    const record: TableRecord = read(kept);
    entry!.tables.set(name, record);
    return record;
  }

  async #compact(connection: Connection): Promise<void> {
    await connection.transaction(() =>
      connection.run(
        'DELETE FROM local_catalog WHERE sequence NOT IN (SELECT max(sequence) FROM local_catalog GROUP BY kind, key) OR record IS NULL',
      ),
    );
  }

  /** Writes the changes into the transaction that is open on `connection`. Call `applied` after it has committed. */
  async record(connection: Connection, changes: readonly Change[]): Promise<void> {
    if (this.#nextId > this.#reservedIds) {
      this.#reservedIds = this.#nextId + 1000;
      await this.#insert(connection, 'meta', 'table-ids', String(this.#reservedIds));
    }
    for (const change of changes) {
      const kind = 'put' in change ? change.put : change.drop;
      const gone = 'drop' in change || (change.put === 'parts' && change.record.parts.length === 0);
      const text = gone ? null : write(change.record);
      await this.#insert(connection, kind, keyOf(change), text);
    }
  }

  async #insert(connection: Connection, kind: string, key: string, text: string | null): Promise<void> {
    await connection.query('INSERT INTO local_catalog VALUES ($1, $2, $3, $4)', [
      { value: BigInt(this.#sequence++), type: BIGINT },
      { value: kind, type: VARCHAR },
      { value: key, type: VARCHAR },
      { value: text, type: VARCHAR },
    ]);
  }

  applied(changes: readonly Change[]): void {
    for (const change of changes) this.#apply(change);
    this.#version++;
  }

  #apply(change: Change): void {
    if ('put' in change) {
      if (change.put === 'dataset') {
        const { project, dataset } = change.record;
        let datasets = this.#projects.get(project);
        if (!datasets) {
          datasets = new Map();
          this.#projects.set(project, datasets);
        }
        const entry = datasets.get(dataset);
        if (entry) entry.record = change.record;
        else datasets.set(dataset, { record: change.record, tables: new Map(), routines: new Map() });
      } else if (change.put === 'table') {
        const { id, path, policies } = change.record;
        this.#nextId = Math.max(this.#nextId, id + 1);
        this.#entry(path.project, path.dataset)?.tables.set(path.table, change.record);
        this.#where.set(id, path);
        if (policies?.length) this.#policied.add(id);
        if (change.record.expirationTime !== undefined) this.#expiring.add(id);
      } else if (change.put === 'parts') {
        this.parts.set(change.record.id, change.record.parts);
      } else {
        const { project, dataset, routine } = change.record.routine.path;
        this.#entry(project, dataset)?.routines.set(routine.toLowerCase(), change.record);
      }
    } else if (change.drop === 'dataset') {
      this.#projects.get(change.project)?.delete(change.dataset);
    } else if (change.drop === 'table') {
      const gone = this.table(change.path);
      // A rename puts the table under its new name in the same change.
      if (gone && this.#where.get(gone.id)?.table === change.path.table) this.#where.delete(gone.id);
      this.#entry(change.path.project, change.path.dataset)?.tables.delete(change.path.table);
    } else {
      this.#entry(change.project, change.dataset)?.routines.delete(change.name.toLowerCase());
    }
  }

  #entry(project: string, dataset: string): DatasetEntry | undefined {
    return this.#projects.get(project)?.get(dataset);
  }

  get version(): number {
    return this.#version;
  }
  get anyPolicies(): boolean {
    return this.#policied.size > 0;
  }
  newTableId(): number {
    return this.#nextId++;
  }
  /** Whether the next id may be given out without being written down first. */
  get idReserved(): boolean {
    return this.#nextId <= this.#reservedIds;
  }
  hasPhysical(id: number): boolean {
    return this.#physical.has(id);
  }
  /** What to read all rows of a table from. Good as long as its parts are watched. */
  rowsOf(table: TableRecord): string {
    return this.parts.rowsOf(table, this.#physical.has(table.id));
  }
  markPhysical(id: number, exists: boolean): void {
    if (exists !== this.#physical.has(id) && this.parts.of(id).length > 0) {
      // Who reads the parts alone has to know.
      this.parts.moved(id);
      this.#version++;
    }
    if (exists) this.#physical.add(id);
    else this.#physical.delete(id);
  }

  projects(): string[] {
    return [...this.#projects.keys()];
  }
  dataset(project: string, dataset: string): DatasetRecord | undefined {
    return this.#entry(project, dataset)?.record;
  }
  datasets(project: string): DatasetRecord[] {
    return [...(this.#projects.get(project)?.values() ?? [])].map((entry) => entry.record);
  }
  table(path: TablePath): TableRecord | undefined {
    return this.#parsed(this.#entry(path.project, path.dataset), path.table);
  }
  tables(project: string, dataset: string): TableRecord[] {
    const entry = this.#entry(project, dataset);
    return [...(entry?.tables.keys() ?? [])].map((name) => this.#parsed(entry, name)!);
  }
  /** The table with that id, if there is one now. */
  byId(id: number): TableRecord | undefined {
    const path = this.#where.get(id);
    const table = path && this.table(path);
    return table?.id === id ? table : undefined;
  }
  /** Tables that may have an expiration. */
  expiring(): TableRecord[] {
    const found: TableRecord[] = [];
    for (const id of this.#expiring) {
      const table = this.byId(id);
      if (table?.expirationTime === undefined) this.#expiring.delete(id);
      else found.push(table);
    }
    return found;
  }
  routine(project: string, dataset: string, name: string): RoutineRecord | undefined {
    return this.#entry(project, dataset)?.routines.get(name.toLowerCase());
  }
  routines(project: string, dataset: string): RoutineRecord[] {
    return [...(this.#entry(project, dataset)?.routines.values() ?? [])];
  }
}
