/**
 * A MERGE that does no more than put all rows of one table in the place of others: large tables change hands without being written again.
 * Answers undefined, with nothing done, where the general way has to be taken.
 */
import type { CompiledDml } from '../../googlesql/contract.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import { takeOver } from '../catalog/take-over.ts';
import { duck } from './errors.ts';
import type { Slot } from './mutations.ts';
import type { DmlCounts, RunOptions } from './outcome.ts';
import type { Runner } from './runner.ts';
import type { Looked } from './scoped-catalog.ts';
import type { Session } from './session.ts';

/** Fewer are copied in the time that a part costs the queries to come. */
const WORTH_IT = 100_000;
class Declined extends Error {}

export async function exchanged(
  statements: Runner,
  { exchange }: CompiledDml,
  target: TableRecord,
  session: Session,
  looked: Looked,
  slot: Slot,
  options: RunOptions,
): Promise<DmlCounts | undefined> {
  const { control, mutations, sizes, store } = statements.service;
  const source = exchange && store.catalog.table(exchange.source.path);
  if (!source || !looked.tables.has(source)) return undefined;
  const share = (await sizes.of(source)).rows >= WORTH_IT;
  if (!share && store.catalog.parts.of(target.id).length === 0) return undefined;
  let counts: DmlCounts | undefined;
  await store.exclusively([target, source], async () => {
    if (store.catalog.table(source.path) !== source || store.catalog.table(target.path) !== target) return;
    const commit = async () => {
      const moved = await duck(() =>
        takeOver(store, {
          target,
          source,
          share,
          going: async (connection, physical) => {
            const sql = exchange.going(physical);
            const [row] = await connection.rows(sql.text, statements.bind(sql, session));
            return Number(row![0]);
          },
          remove: async (connection, physical) => {
            const sql = exchange.removing(physical);
            await connection.run(sql.text, statements.bind(sql, session));
          },
          beforeCommit: async (connection, { came, went }) => {
            await options.beforeCommit?.(connection, { inserted: came, updated: 0, deleted: went });
          },
        }),
      );
      // Nothing has changed, which those who wait for this commit should not be told.
      if (!moved) throw new Declined();
      counts = { inserted: moved.came, updated: 0, deleted: moved.went };
    };
    await slot.commit(undefined, mutations.now, commit).catch((error) => {
      if (!(error instanceof Declined)) throw error;
    });
  });
  if (!counts) return undefined;
  control.stats.count(
    { product: 'bigquery', caller: session.caller.subject, resource: `${target.path.dataset}.${target.path.table}` },
    { rowsTakenOver: share ? counts.inserted : 0 },
  );
  store.changed(source.id);
  store.changed(target.id);
  sizes.grew(target.id, counts.inserted - counts.deleted);
  return counts;
}
