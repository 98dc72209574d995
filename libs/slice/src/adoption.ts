/**
 * Edits from outside: people do change tables by hand. The owner looks for rows that are not what it wrote last and takes the
 * change over by commands, so that it is decided, journalled and published like any other.
 *
 * 1. What can't be taken over is written back: the table always ends up showing the owner's state.
 * 2. A row that the owner does not know and does not want is left alone.
 * 3. Only what the person changed counts: the row's other columns may be older than the state.
 * 4. A row that somebody deleted comes back: what it was about is still there. It is missed when there are fewer rows than there must be.
 *    Giving it another key is deleting it and inserting one that the owner does not know.
 */
import type { CheckpointTables, EditedRow, Row, TableRow } from '@convergence/ports';
import { keyOfRow, type SliceCore } from './core.ts';
import { type SliceDefinition, storedAs } from './definition.ts';
import type { Outcome, SliceLog } from './slice.ts';

interface AdoptionOptions<S, C, E extends { readonly type: string }> {
  readonly definition: SliceDefinition<S, C, E>;
  readonly core: SliceCore<S, C, E>;
  readonly tables: CheckpointTables;
  readonly log: SliceLog;
  execute(commands: readonly C[]): Promise<readonly Outcome[]>;
}

export async function adoptEdits<S, C, E extends { readonly type: string }>(options: AdoptionOptions<S, C, E>): Promise<number> {
  const { definition, core, tables, log } = options;
  let found = 0;
  for (const [index, table] of definition.tables.entries()) {
    if (!table.adopt) continue;
    const [edited, missing]: [readonly EditedRow[], readonly string[]] = await Promise.all([
      tables.edited(storedAs(table), table.loadWhere),
      missingRows(options, index),
    ]);
    await bringBack(options, index, missing);
    found += missing.length;
    for (const { row, was, content } of edited) {
      const key = keyOfRow(table.key, row);
      const commands = table.adopt(core.state, was ? upToDate(row, was, table.row(core.state, key)) : row, was);
      const outcomes = await options.execute(commands);
      const refused = outcomes.find((o) => 'refusal' in o);
      found += 1;
      const known = table.row(core.state, key);
      if (known === undefined || known === null) continue;
      core.touch(index, key, core.sequence, { over: content });
      const columns = was && changed(row, was);
      const undone = columns?.filter((name) => !same(row[name], known[name]));
      const fields = {
        table: table.table.name,
        key,
        columns,
        ...(undone?.length && { undone }),
        ...(refused && 'refusal' in refused ? { refusal: refused.refusal.message } : {}),
      };
      if (commands.length > 0 && !refused) log.info(fields, 'adopted an edit from outside');
      else log.warn(fields, 'an edit from outside could not be adopted and is undone');
    }
  }
  return found;
}

/**
 * Before a checkpoint writes rows anew: one whose deletion means something is not to come back as if nothing had been. `last`: nobody else
 * would know afterwards that it was there.
 */
export async function adoptDeletions<S, C, E extends { readonly type: string }>(
  options: AdoptionOptions<S, C, E>,
  last: boolean,
): Promise<void> {
  const { definition, core } = options;
  for (const [index, table] of definition.tables.entries())
    if (table.deleted && (last || core.dirtyIn(index) > 0)) await bringBack(options, index, await missingRows(options, index));
}

async function bringBack<S, C, E extends { readonly type: string }>(
  { definition, core, log, execute }: AdoptionOptions<S, C, E>,
  index: number,
  missing: readonly string[],
): Promise<void> {
  const table = definition.tables[index]!;
  for (const key of missing) {
    if (table.deleted) await execute(table.deleted(core.state, key));
    core.touch(index, key, core.sequence, { fresh: true });
    log.warn({ table: table.table.name, key }, 'a row that somebody deleted comes back');
  }
}

/** Keys of rows that were written and are not there. */
async function missingRows<S, C, E extends { readonly type: string }>(
  { definition, core, tables }: AdoptionOptions<S, C, E>,
  index: number,
): Promise<readonly string[]> {
  const table = definition.tables[index]!;
  const all = table.all?.(core.state);
  if (!all) return [];
  const fewest = core.writtenIn(index, all);
  if ((await tables.count(storedAs(table))) >= fewest) return [];
  const there = new Set<string>();
  for await (const rows of tables.keys(storedAs(table))) for (const row of rows) there.add(keyOfRow(table.key, row));
  return [...all.keys()].filter((key) => !there.has(key) && !core.isFresh(index, key));
}

/** The edit as if it had been made to the row as the state shows it now. */
function upToDate(row: Row, was: Row, now: TableRow | null | undefined): Row {
  const edited = changed(row, was);
  if (!now) return row;
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, edited.includes(name) ? value : now[name]]));
}
const changed = (row: Row, was: Row): string[] => Object.keys(row).filter((name) => !same(row[name], was[name]));
const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
