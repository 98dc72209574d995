/**
 * Edits from outside: people do change tables by hand. The owner looks for rows that are not what it wrote last and takes the
 * change over by commands, so that it is decided, journalled and published like any other.
 *
 * 1. What can't be taken over is written back: the table always ends up showing the owner's state.
 * 2. A row that the owner does not know and does not want is left alone.
 * 3. Only what the person changed counts: the row's other columns may be older than the state.
 */
import type { CheckpointTables, EditedRow, Row, TableRow } from '@convergence/ports';
import { keyOfRow, type SliceCore } from './core.ts';
import { type SliceDefinition, storedAs } from './definition.ts';
import type { Outcome, SliceLog } from './slice.ts';

export async function adoptEdits<S, C, E extends { readonly type: string }>(options: {
  readonly definition: SliceDefinition<S, C, E>;
  readonly core: SliceCore<S, C, E>;
  readonly tables: CheckpointTables;
  readonly log: SliceLog;
  execute(commands: readonly C[]): Promise<readonly Outcome[]>;
}): Promise<number> {
  const { definition, core, tables, log } = options;
  let found = 0;
  for (const [index, table] of definition.tables.entries()) {
    if (!table.adopt) continue;
    const edited: readonly EditedRow[] = await tables.edited(storedAs(table), table.loadWhere);
    for (const { row, was, content } of edited) {
      const key = keyOfRow(table.key, row);
      const commands = table.adopt(core.state, was ? upToDate(row, was, table.row(core.state, key)) : row, was);
      const outcomes = await options.execute(commands);
      const refused = outcomes.find((o) => 'refusal' in o);
      found += 1;
      const known = table.row(core.state, key);
      if (known === undefined || known === null) continue;
      core.touch(index, key, core.sequence, { over: content });
      const fields = {
        table: table.table.name,
        key,
        columns: was && changed(row, was),
        ...(refused && 'refusal' in refused ? { refusal: refused.refusal.message } : {}),
      };
      if (commands.length > 0 && !refused) log.info(fields, 'adopted an edit from outside');
      else log.warn(fields, 'an edit from outside could not be adopted and is undone');
    }
  }
  return found;
}

/** The edit as if it had been made to the row as the state shows it now. */
function upToDate(row: Row, was: Row, now: TableRow | null | undefined): Row {
  const edited = changed(row, was);
  if (!now) return row;
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, edited.includes(name) ? value : now[name]]));
}
const changed = (row: Row, was: Row): string[] => Object.keys(row).filter((name) => !same(row[name], was[name]));
const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
