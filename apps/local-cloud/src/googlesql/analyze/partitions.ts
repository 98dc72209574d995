/**
 * What filters leave of partitioned tables. A conjunct of a WHERE counts when it speaks of one table's partition column and otherwise of
 * constants only. Knows columns by their text in the compiled SQL, and follows them out of subqueries, views and groups.
 *
 * 1. Of a WITH query, which is compiled once however often it is read, filters outside of it count as filters but leave out nothing.
 */
import type { CatalogTable, Partitioning, SqlType, TablePath } from '../contract.ts';
import { quote } from '../sql-type.ts';

export interface Scan {
  readonly table: CatalogTable;
  readonly alias: string;
  readonly column: string;
  readonly filters: string[];
  /** The filters leave one stretch of time: of three partitions in order with the outer ones the middle one too. */
  stretch: boolean;
  filtered: boolean;
}

const STRINGS = /'(?:[^']|'')*'/g;
const REFERENCES = /'(?:[^']|'')*'|[A-Za-z_]\w*\.(?:"(?:[^"]|"")*"|[A-Za-z_]\w*)/g;
const BY_ORDER = /^ (?:[<>]=?|=|BETWEEN) /;
const NO_CONSTANT = /\b(?:SELECT|random\(|uuid\(|gs_fail\()/;

export class Scans {
  readonly all: Scan[] = [];
  readonly #origins = new Map<string, { readonly scan: Scan; readonly shared: boolean }>();

  add(table: CatalogTable, alias: string): void {
    if (!table.partitioning) return;
    const scan: Scan = {
      table,
      alias,
      column: `${alias}.${quote(partitionColumn(table).name)}`,
      filters: [],
      stretch: true,
      filtered: false,
    };
    this.all.push(scan);
    this.#origins.set(scan.column, { scan, shared: false });
  }

  /** The text if it is a partition column, as it is or from further inside. */
  origin(sql: string): string | undefined {
    return this.#origins.has(sql) ? sql : undefined;
  }

  derive(column: string, origin: string | undefined, shared = false): void {
    const from = origin === undefined ? undefined : this.#origins.get(origin);
    if (from) this.#origins.set(column, { scan: from.scan, shared: shared || from.shared });
  }

  filter(conjuncts: readonly string[]): void {
    if (this.all.length === 0) return;
    for (const conjunct of conjuncts) {
      if (NO_CONSTANT.test(conjunct.replace(STRINGS, ''))) continue;
      const references = [...conjunct.matchAll(REFERENCES)].map(([text]) => text).filter((text) => !text.startsWith("'"));
      const origins = references.map((text) => this.#origins.get(text));
      const scan = origins[0]?.scan;
      if (!scan || origins.some((origin) => origin?.scan !== scan)) continue;
      scan.filtered = true;
      if (origins.some((origin) => origin!.shared)) continue;
      const filter = conjunct.replace(REFERENCES, (text) => (text.startsWith("'") ? text : scan.column));
      scan.filters.push(filter);
      const compared = references.length === 1 && filter.startsWith(`(${scan.column}`);
      if (!compared || !BY_ORDER.test(filter.slice(1 + scan.column.length))) scan.stretch = false;
    }
  }

  of(path: TablePath): Scan[] {
    return this.all.filter(
      ({ table }) => table.path.table === path.table && table.path.dataset === path.dataset && table.path.project === path.project,
    );
  }
}

function partitionColumn({ columns, partitioning }: CatalogTable): { name: string; type: SqlType } {
  const { column } = partitioning!;
  return columns.find((c) => c.name.toLowerCase() === column.toLowerCase()) ?? { name: column, type: { kind: 'TIMESTAMP' } };
}

/** Counts the rows of the partitions in which the scans find one. */
export function keptRows(scans: readonly Scan[]): string {
  const [scan] = scans as readonly [Scan];
  const { table } = scan;
  const physical = table.rows ?? table.physical;
  const { name, type } = partitionColumn(table);
  const partitioning = table.partitioning!;
  const { granularity } = partitioning;
  const whole = type.kind === 'DATE' && granularity === 'DAY';
  const rows = (of: Scan, what: string) => `SELECT ${what} FROM ${physical} AS ${of.alias} WHERE ${of.filters.join(' AND ')}`;
  if (scans.length === 1 && whole) return rows(scan, 'count(*)');
  if (scans.length === 1 && scan.stretch && granularity !== 'RANGE') {
    const first = startOf(`min(${scan.column})`, type, granularity);
    const next = startOf(`max(${scan.column})`, type, granularity, 1);
    return `SELECT count(*) FROM ${physical} AS gs_p JOIN (${rows(scan, `${first} AS first, ${next} AS next`)}) AS gs_k ON gs_p.${quote(name)} >= gs_k.first AND gs_p.${quote(name)} < gs_k.next`;
  }
  const key = (alias: string) => (whole ? `${alias}.${quote(name)}` : partitionKey(`${alias}.${quote(name)}`, type, partitioning));
  const kept = scans.map((of) => rows(of, `DISTINCT ${key(of.alias)} AS key`));
  // Joined by the key itself: as text it took longer than the query that is priced.
  return `SELECT count(*) FROM ${physical} AS gs_p SEMI JOIN (${kept.join(' UNION ')}) AS gs_k ON ${key('gs_p')} IS NOT DISTINCT FROM gs_k.key`;
}

/** When the partition of a moment begins, or the one so many after it; as values of the column, so that a scan looks at no others. */
function startOf(moment: string, type: SqlType, granularity: Exclude<Partitioning['granularity'], 'RANGE'>, later = 0): string {
  const utc = type.kind === 'TIMESTAMP' ? `make_timestamp(epoch_us(${moment}))` : moment;
  const start = `date_trunc('${granularity.toLowerCase()}', ${utc}) + INTERVAL ${later} ${granularity}`;
  if (type.kind === 'TIMESTAMP') return `make_timestamptz(epoch_us(${start}))`;
  return type.kind === 'DATE' ? `CAST(${start} AS DATE)` : start;
}

/** One value for each partition; calendars only where months and years need them. */
function partitionKey(column: string, type: SqlType, { granularity, range }: Partitioning): string {
  if (granularity === 'RANGE') return range ? `(${column} - ${range.start}) // ${range.interval}` : column;
  if (granularity === 'MONTH' || granularity === 'YEAR') {
    const moment = type.kind === 'TIMESTAMP' ? `make_timestamp(epoch_us(${column}))` : column;
    return `date_trunc('${granularity.toLowerCase()}', ${moment})`;
  }
  if (type.kind === 'DATE') return column;
  return `epoch_us(${column}) // ${granularity === 'HOUR' ? 3_600_000_000 : 86_400_000_000}`;
}
