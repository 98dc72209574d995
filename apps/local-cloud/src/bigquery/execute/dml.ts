/**
 * INSERT, UPDATE, DELETE, MERGE, TRUNCATE: one DuckDB transaction a statement (or a part of the script's own), with the
 * conflicts that BigQuery has.
 *
 * 1. An INSERT, or a MERGE that only inserted, waits for no other statement and conflicts with nothing.
 * 2. A statement that changed rows commits only if no other one changed the same partitions since it began; else it runs
 *    again on a fresh snapshot, three times at most, and then fails with BigQuery's text.
 * 3. Rows that lie in parts are exchanged as wholes or gathered before they are changed.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CompiledDml, DuckSql } from '../../googlesql/contract.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import { Moved, steadily } from '../catalog/moved.ts';
import { gather, gathered } from '../catalog/take-over.ts';
import { ApiError } from '../errors.ts';
import type { Service } from '../service.ts';
import type { Connection } from '../storage/connection.ts';
import { duck } from './errors.ts';
import { exchanged } from './exchange.ts';
import { GivenRows } from './given-rows.ts';
import { type Slot, serializationFailure } from './mutations.ts';
import type { DmlCounts, RunOptions } from './outcome.ts';
import { pathKey, samePath } from './path-key.ts';
import type { Runner } from './runner.ts';
import type { Looked } from './scoped-catalog.ts';
import type { Session } from './session.ts';

const RERUNS = 3;
class Conflict extends Error {}

export async function runDml(
  statements: Runner,
  dml: CompiledDml,
  session: Session,
  looked: Looked,
  options: RunOptions,
): Promise<DmlCounts> {
  const { service } = statements;
  const table = targetOf(dml, session, looked);
  const name = `${table.path.project}:${table.path.dataset}.${table.path.table}`;
  const mutating = dml.kind !== 'insert';
  // Compiled while some of its rows lay in parts: what was compiled reads them there.
  const apart = mutating && dml.target.rows !== undefined;
  if (apart && !dml.exchange) await regathered(service, table);
  if (!session.tempTables.has(table.path.table)) {
    if (dml.kind !== 'truncate') service.rates.dml(name);
    if (mutating && service.control.limits.on && service.streaming.holds(table)) {
      throw new ApiError(
        'invalidQuery',
        `${dml.kind === 'merge' ? 'MERGE' : 'UPDATE or DELETE'} statement over table ${name} would affect rows in the streaming buffer, which is not supported`,
        'query',
      );
    }
  }
  const written = mutating || !dml.reads.some((read) => samePath(read.path, dml.target.path)) ? table.id : undefined;
  const attempt = (connection: Connection) => steadily(looked, () => once(statements, dml, session, connection), written);
  const { transaction } = session;
  const takesTime = () => service.control.limits.latency(800, 2000);
  if (transaction) {
    await takesTime();
    if (mutating && !dml.insertsOnly) service.mutations.hold(transaction.mutation, table.id, name);
    const { counts } = await service.store.locks.shared(table.id, () =>
      statements.onConnection(session, looked, (connection) => duck(() => attempt(connection))),
    );
    transaction.written.add(table.id);
    return counts;
  }
  if (!mutating || dml.insertsOnly) {
    await takesTime();
    const { store } = service;
    const held = (work: () => Promise<DmlCounts>) => (mutating ? gathered(store, table, work) : store.adding(table, work));
    const counts = await held(() =>
      statements.onConnection(session, looked, (connection) =>
        duck(() =>
          connection.transaction(async () => {
            const done = await attempt(connection);
            await options.beforeCommit?.(connection, done.counts);
            return done.counts;
          }),
        ),
      ),
    );
    service.store.changed(table.id);
    service.sizes.grew(table.id, counts.inserted - counts.deleted);
    return counts;
  }
  const slot = await service.mutations.enter(table.id, name, service.control.limits.on);
  try {
    // Simulated time passes while the statement has its place among the running ones.
    await takesTime();
    const done = await exchanged(statements, dml, table, session, looked, slot, options);
    if (done) return done;
    if (apart) await regathered(service, table);
    for (let tries = 0; ; tries++) {
      try {
        const counts = await gathered(service.store, table, () => mutate(statements, session, looked, slot, attempt, options));
        service.store.changed(table.id);
        service.sizes.grew(table.id, counts.inserted - counts.deleted);
        return counts;
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        service.control.stats.count(
          { product: 'bigquery', caller: session.caller.subject, resource: `${table.path.dataset}.${table.path.table}` },
          { conflicts: 1, ...(tries < RERUNS ? { retries: 1 } : {}) },
        );
        if (tries >= RERUNS) throw serializationFailure(name);
        await pause(2 ** tries);
      }
    }
  } finally {
    slot.release();
  }
}

async function regathered({ store }: Service, table: TableRecord): Promise<never> {
  await gather(store, table);
  throw new Moved();
}

function targetOf(dml: CompiledDml, session: Session, looked: Looked): TableRecord {
  const key = pathKey(dml.target.path);
  for (const table of looked.tables) if (pathKey(table.path) === key) return table;
  const temporary = session.tempTables.get(dml.target.path.table);
  if (temporary) return temporary;
  throw new Error(`the target ${key} of a compiled statement was not looked up`);
}

async function mutate(
  statements: Runner,
  session: Session,
  looked: Looked,
  slot: Slot,
  attempt: (connection: Connection) => Promise<{ counts: DmlCounts; partitions: ReadonlySet<string> | undefined }>,
  options: RunOptions,
): Promise<DmlCounts> {
  const began = statements.service.mutations.now;
  return statements.onConnection(session, looked, async (connection) => {
    await connection.begin();
    try {
      const { counts, partitions } = await conflicting(() => attempt(connection));
      await options.beforeCommit?.(connection, counts);
      const commit = () => conflicting(() => connection.commit());
      if (counts.updated + counts.deleted === 0) await commit();
      else if (!(await slot.commit(partitions, began, commit))) throw new Conflict();
      return counts;
    } catch (error) {
      await connection.rollback();
      throw error;
    }
  });
}

/** DuckDB notices two writers of one row by itself, before we would. */
async function conflicting<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await duck(work);
  } catch (error) {
    if (error instanceof Error && /conflict/i.test(error.message) && /^TransactionContext|^Transaction/i.test(error.message))
      throw new Conflict();
    throw error;
  }
}

async function once(
  statements: Runner,
  dml: CompiledDml,
  session: Session,
  connection: Connection,
): Promise<{ counts: DmlCounts; partitions: ReadonlySet<string> | undefined }> {
  const given = new GivenRows(connection);
  const query = async (sql: DuckSql) => {
    const { text, values } = await given.in(sql, statements.bind(sql, session));
    return connection.query(text, values);
  };
  for (const { sql, message } of dml.prechecks) {
    const found = await (await query(sql)).getRows();
    if (found.length > 0) throw new ApiError('invalidQuery', message, 'query');
  }
  let partitions: Set<string> | undefined;
  const named = async (sql: DuckSql) => {
    const rows = await (await query(sql)).getRows();
    partitions = new Set(rows.map(([id]) => String(id)));
  };
  if (dml.partitions) await named(dml.partitions);
  const counts: DmlCounts = { inserted: 0, updated: 0, deleted: 0 };
  for (const { effect, sql } of dml.statements) {
    if (effect === 'partitions') {
      await named(sql);
      continue;
    }
    const { rowsChanged } = await query(sql);
    if (effect !== 'none') counts[effect] += rowsChanged;
  }
  await given.drop();
  return { counts, partitions };
}
