import type { SqlParameter, Warehouse } from '@convergence/ports';

/** What must be equal before and after rows were moved. Sums are decimal texts: a float would not keep the last digit. */
export interface Totals {
  readonly rows: number;
  readonly sums: Readonly<Record<string, string | null>>;
  readonly first: string | null;
  readonly last: string | null;
}
export interface ControlTotals {
  readonly source: Totals;
  readonly result: Totals;
}

/** A column, or an expression over a row under a name. */
export type Summed = string | { readonly name: string; readonly sum: string };
const nameOf = (summed: Summed): string => (typeof summed === 'string' ? summed : summed.name);

export interface TotalsQuery {
  /** A quoted table, or a sub-query in parentheses. */
  readonly from: string;
  readonly where?: string | undefined;
  readonly columns: readonly Summed[];
  readonly timeColumn: string | undefined;
  readonly parameters?: Readonly<Record<string, SqlParameter>> | undefined;
  readonly dataset: string;
  readonly signal: AbortSignal;
  readonly location?: string | undefined;
}

export async function totalsOf(warehouse: Warehouse, query: TotalsQuery): Promise<Totals> {
  const sums = query.columns.map((c, i) => `CAST(SUM(${typeof c === 'string' ? `\`${c}\`` : c.sum}) AS STRING) AS s${i}`);
  const time = query.timeColumn;
  const times = time ? [`CAST(MIN(\`${time}\`) AS STRING) AS t_first`, `CAST(MAX(\`${time}\`) AS STRING) AS t_last`] : [];
  const { rows } = await warehouse.run({
    sql: `SELECT COUNT(*) AS n, ${[...sums, ...times].join(', ') || '0 AS nothing'} FROM ${query.from} AS x_row${query.where ? ` WHERE ${query.where}` : ''}`,
    defaultDataset: query.dataset,
    signal: query.signal,
    ...(query.parameters && { parameters: query.parameters }),
    ...(query.location && { location: query.location }),
  });
  const row = rows[0] ?? {};
  return {
    rows: Number(row.n ?? 0),
    sums: Object.fromEntries(query.columns.map((column, i) => [nameOf(column), decimal(row[`s${i}`])])),
    first: (row.t_first as string | undefined) ?? null,
    last: (row.t_last as string | undefined) ?? null,
  };
}
const decimal = (value: unknown): string | null => (value === null || value === undefined ? null : normalDecimal(String(value)));

/** `1.500` and `1.5` are the same amount. */
export const normalDecimal = (text: string): string =>
  text.includes('.') && !/e/i.test(text) ? text.replace(/0+$/, '').replace(/\.$/, '') : text;

/** Exact comparison of decimal texts within a tolerance that is one too. What is no number equals nothing. */
export function withinTolerance(a: string | null, b: string | null, tolerance: string): boolean {
  if ([a, b].some((text) => /nan|inf/i.test(text ?? ''))) return false;
  const difference = scaled(a ?? '0') - scaled(b ?? '0');
  return (difference < 0n ? -difference : difference) <= scaled(tolerance);
}
const PLACES = 38;
function scaled(text: string): bigint {
  const match = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text.trim());
  if (!match) throw new RangeError(`not a decimal: ${text}`);
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const shift = PLACES + Number(exponent) - fraction.length;
  const digits = BigInt(`${whole}${fraction}` || '0');
  const value = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  return sign ? -value : value;
}
