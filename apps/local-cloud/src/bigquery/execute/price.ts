/** What a statement costs: bytes as BigQuery counts and bills them, and the rows that it goes through. */
import type { Compiled, DuckSql } from '../../googlesql/contract.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import { unfiltered } from './errors.ts';
import { pathKey, samePath } from './path-key.ts';
import type { Runner } from './runner.ts';
import type { Looked } from './scoped-catalog.ts';
import type { Session } from './session.ts';

const MIN_BILLED = 10 * 1024 * 1024;

/** `elsewhere`: rows of other tables than the one that is written. */
export async function priceOf(
  runner: Runner,
  compiled: Compiled,
  looked: Looked,
  session: Session,
): Promise<{ bytes: number; billed: number; rows: { read: number; elsewhere: number } }> {
  const { sizes } = runner.service;
  // What a view reads is asked of those who read it.
  const reads = compiled.kind === 'ddl' && compiled.ddl.op !== 'createTable' ? [] : compiled.reads;
  let bytes = 0;
  let billed = 0;
  const rows = { read: 0, elsewhere: 0 };
  const target = 'target' in compiled ? compiled.target.path : undefined;
  const count = async (table: TableRecord, columns?: readonly string[], kept?: DuckSql) => {
    if (table.kind !== 'TABLE') return;
    const scanned = await sizes.scanned(table, columns, kept && (() => keptRows(runner, kept, session, table)));
    rows.read += scanned.rows;
    if (!target || !samePath(table.path, target)) rows.elsewhere += scanned.rows;
    bytes += scanned.bytes;
    billed += Math.max(Math.ceil(scanned.bytes / 1_048_576) * 1_048_576, MIN_BILLED);
  };
  const byPath = new Map([...looked.tables].map((table) => [pathKey(table.path), table]));
  for (const read of reads) {
    const table = byPath.get(pathKey(read.path));
    if (table?.requirePartitionFilter && read.unfiltered) throw unfiltered(table);
    if (table) await count(table, read.columns, read.kept);
  }
  if (compiled.kind === 'update' || compiled.kind === 'delete' || (compiled.kind === 'merge' && !compiled.insertsOnly)) {
    const changed = byPath.get(pathKey(compiled.target.path));
    if (changed && !reads.some((read) => samePath(read.path, compiled.target.path))) await count(changed);
  }
  return { bytes, billed, rows };
}

/** What fails here fails in the statement, which has the words for it; then nothing is known to be left out. */
async function keptRows(runner: Runner, sql: DuckSql, session: Session, table: TableRecord): Promise<number> {
  const { service } = runner;
  try {
    const [[rows]] = (await service.store.database.use(async (connection) =>
      (await connection.query(sql.text, runner.bind(sql, session))).getRows(),
    )) as [[bigint]];
    return Number(rows);
  } catch {
    return (await service.sizes.of(table, true)).rows;
  }
}
