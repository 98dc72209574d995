/**
 * Edits from outside: people do change tables by hand. The owner looks for rows that are not what it wrote last and takes the
 * change over by commands, so that it is decided, journalled and published like any other.
 *
 * 1. What can't be taken over is written back: the table always ends up showing the owner's state.
 * 2. A row that the owner does not know and does not want is left alone.
 */
import type { CheckpointTables, StoredRow } from '@convergence/ports';
import { keyOfRow, type SliceCore } from './core.ts';
import type { SliceDefinition } from './definition.ts';
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
    const edited: readonly StoredRow[] = await tables.edited({ spec: table.table, key: table.key }, table.loadWhere);
    for (const { row } of edited) {
      const key = keyOfRow(table.key, row);
      const commands = table.adopt(core.state, row);
      const outcomes = await options.execute(commands);
      const refused = outcomes.find((o) => 'refusal' in o);
      found += 1;
      const known = table.row(core.state, key);
      if (known === undefined || known === null) continue;
      core.touch(index, key, core.sequence);
      const fields = { table: table.table.name, key, ...(refused && 'refusal' in refused ? { refusal: refused.refusal.message } : {}) };
      if (commands.length > 0 && !refused) log.info(fields, 'adopted an edit from outside');
      else log.warn(fields, 'an edit from outside could not be adopted and is undone');
    }
  }
  return found;
}
