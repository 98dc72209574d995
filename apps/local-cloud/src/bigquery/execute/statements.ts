/**
 * One statement: compiled (or found compiled), permitted, run. Knows nothing of jobs, pages or HTTP.
 *
 * 1. A statement sees one snapshot, with every streamed row that was acknowledged before it began.
 * 2. Nothing of a failed statement remains.
 * 3. What it reads and writes is checked against the access lists before it runs.
 */
import type { DuckDBValue } from '@duckdb/node-api';
import type { Column, CompileContext, Compiled, CompiledQuery, DuckSql, Position, TablePath } from '../../googlesql/contract.ts';
import { compile, compileExpression, formatType } from '../../googlesql/index.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import { materialize } from '../catalog/information-schema.ts';
import { steadily, whereItLies } from '../catalog/moved.ts';
import { ApiError } from '../errors.ts';
import type { ResultSet } from '../jobs/results.ts';
import type { Service } from '../service.ts';
import type { BoundValue, Connection } from '../storage/connection.ts';
import { boundValue } from './bound-value.ts';
import { runDdl } from './ddl.ts';
import { runDml } from './dml.ts';
import { duck, translating } from './errors.ts';
import { GivenRows } from './given-rows.ts';
import type { RunOptions, StatementResult } from './outcome.ts';
import { permit } from './permit.ts';
import { priceOf } from './price.ts';
import type { Runner } from './runner.ts';
import { type Looked, ScopedCatalog } from './scoped-catalog.ts';
import type { Session } from './session.ts';

const CACHED = 2000;
/** From so many rows that it reads, or reads to write them elsewhere, a statement gains more by the other cores than it pays for them. */
const WIDE_ROWS = { read: 3_000_000, written: 500_000 };

export interface Ready {
  readonly compiled: Compiled;
  readonly looked: Looked;
  readonly bytes: number;
  readonly billed: number;
}

interface Permitted {
  readonly compiled: Compiled;
  readonly looked: Looked;
}
interface CachedResult {
  readonly result: ResultSet;
  readonly versions: readonly [number, number][];
}

export class Statements implements Runner {
  readonly service: Service;
  readonly #compiled = new Map<string, { compiled: Compiled; looked: Looked; version: number }>();
  readonly #results = new Map<string, CachedResult>();
  constructor(service: Service) {
    this.service = service;
  }

  compile(sql: string, session: Session, at?: Position): { compiled: Compiled; looked: Looked } {
    const { catalog } = this.service.store;
    const key = session.temporaryVersion > 0 ? undefined : this.#key(sql, session, at);
    const known = key === undefined ? undefined : this.#compiled.get(key);
    if (known && (known.version === catalog.version || known.looked.still.every((same) => same()))) {
      known.version = catalog.version;
      return known;
    }
    const scoped = new ScopedCatalog(catalog, session);
    const compiled = translating(() => compile(sql, contextOf(scoped, session, at)));
    const entry = { compiled, looked: scoped.looked, version: catalog.version };
    if (key !== undefined && compiled.kind !== 'ddl' && scoped.looked.information.length === 0) {
      this.#compiled.set(key, entry);
      if (this.#compiled.size > CACHED) this.#compiled.delete(this.#compiled.keys().next().value!);
    }
    return entry;
  }

  #key(sql: string, session: Session, at: Position | undefined): string {
    const types = session.parameters.map(({ name, type }) => `${name ?? ''} ${formatType(type)}`).join();
    const variables =
      session.variables.size === 0 ? '' : [...session.variables].map(([name, { type }]) => `${name} ${formatType(type)}`).join();
    const dataset = session.defaultDataset;
    const subject = this.service.store.catalog.anyPolicies ? session.caller.subject : '';
    return `${session.project}\n${dataset ? `${dataset.project}.${dataset.dataset}` : ''}\n${session.positional}\n${types}\n${variables}\n${subject}\n${at ? `${at.line}:${at.column}` : ''}\n${sql}`;
  }

  /** A scalar expression of a script: its value. */
  async expression(sql: string, session: Session, at?: Position): Promise<{ columns: readonly Column[]; row: readonly DuckDBValue[] }> {
    const compiled = () => {
      const scoped = new ScopedCatalog(this.service.store.catalog, session);
      const query = translating(() => compileExpression(sql, contextOf(scoped, session, at)));
      permit(this.service.store.catalog, query, scoped.looked, session);
      return { query, looked: scoped.looked };
    };
    return whereItLies(session, compiled, async ({ query, looked }) => {
      const [row] = await this.#rows(query, looked, session);
      return { columns: query.columns, row: row ?? [] };
    });
  }

  /** A query of a script: all its rows. */
  rows(sql: string, session: Session, at?: Position): Promise<{ columns: readonly Column[]; rows: readonly (readonly DuckDBValue[])[] }> {
    return whereItLies(
      session,
      () => this.permitted(sql, session, at),
      async ({ compiled, looked }) => {
        if (compiled.kind !== 'query') throw new ApiError('invalidQuery', 'A query is expected here', 'query');
        await priceOf(this, compiled, looked, session);
        return { columns: compiled.columns, rows: await this.#rows(compiled, looked, session) };
      },
    );
  }

  async #rows({ sql }: CompiledQuery, looked: Looked, session: Session): Promise<DuckDBValue[][]> {
    await this.ready(looked, session);
    const values = this.bind(sql, session);
    return steadily(looked, () =>
      this.onConnection(session, looked, (connection) => duck(async () => (await connection.query(sql.text, values)).getRows())),
    );
  }

  /** Compiled and permitted. */
  permitted(sql: string, session: Session, at?: Position): Permitted {
    const { compiled, looked } = this.compile(sql, session, at);
    permit(this.service.store.catalog, compiled, looked, session);
    return { compiled, looked };
  }

  /** Compiled, permitted and priced, not run. */
  prepare(sql: string, session: Session, at?: Position): Promise<Ready> {
    return whereItLies(
      session,
      () => this.permitted(sql, session, at),
      async ({ compiled, looked }) => {
        const { bytes, billed } = await priceOf(this, compiled, looked, session);
        return { compiled, looked, bytes, billed };
      },
    );
  }

  run(sql: string, session: Session, options: RunOptions = {}, at?: Position): Promise<StatementResult> {
    return whereItLies(
      session,
      () => this.permitted(sql, session, at),
      (permitted) => this.#run(sql, permitted, session, options),
    );
  }

  async #run(sql: string, { compiled, looked }: Permitted, session: Session, options: RunOptions): Promise<StatementResult> {
    const { control, store } = this.service;
    const paths = pathsOf(looked);
    const cacheKey =
      compiled.kind === 'query' && options.useCache && !options.into && session.transaction === undefined
        ? this.#cacheKey(compiled, looked, sql, session)
        : undefined;
    const cached = cacheKey === undefined ? undefined : this.#cached(cacheKey, looked);
    if (cached) return { statementType: 'SELECT', result: cached, bytesProcessed: 0, bytesBilled: 0, cacheHit: true, referenced: paths };
    await this.ready(looked, session);
    const { bytes, billed, rows } = await priceOf(this, compiled, looked, session);
    const writes = compiled.kind !== 'query' || options.into !== undefined;
    if (options.maximumBytesBilled !== undefined && billed > options.maximumBytesBilled) {
      throw new ApiError(
        'bytesBilledLimitExceeded',
        `Query exceeded limit for bytes billed: ${options.maximumBytesBilled}. ${billed} or higher required.`,
      );
    }
    const cost = { bytesProcessed: bytes, bytesBilled: billed, cacheHit: false, referenced: paths };
    const wide = rows.read >= WIDE_ROWS.read || (writes && rows.elsewhere >= WIDE_ROWS.written);
    const ordered =
      compiled.kind === 'query'
        ? compiled.ordered
        : compiled.kind === 'ddl' && compiled.ddl.op === 'createTable' && compiled.ddl.asSelect?.ordered;
    const spread = async <T>(work: () => Promise<T>): Promise<T> => {
      if (!wide) return work();
      session.inAnyOrder = writes && !ordered;
      try {
        return await store.database.wide(work);
      } finally {
        session.inAnyOrder = false;
      }
    };
    if (compiled.kind === 'query') {
      await control.limits.latency(200, 600);
      const values = this.bind(compiled.sql, session);
      if (options.into) {
        const insert = async (connection: Connection, physicalColumns: string) => {
          const run = () => connection.run(`INSERT INTO ${physicalColumns} ${compiled.sql.text}`, values);
          await steadily(looked, () => this.onGivenConnection(connection, session, looked, run));
        };
        const result = await spread(() => options.into!(compiled, insert));
        return { statementType: 'SELECT', ...(result ? { result } : {}), ...cost };
      }
      const versions = cacheKey === undefined ? [] : this.#versions(looked);
      const result = await spread(() => this.select(compiled, values, session, looked));
      if (cacheKey !== undefined && result.total <= 10_000) {
        this.#results.set(cacheKey, { result, versions });
        if (this.#results.size > 200) this.#results.delete(this.#results.keys().next().value!);
      }
      return { statementType: 'SELECT', result, ...cost };
    }
    if (compiled.kind === 'ddl') return { ...(await spread(() => runDdl(this, compiled.ddl, session, looked))), ...cost };
    const dml = await spread(() => runDml(this, compiled, session, looked, options));
    session.rowCount = BigInt(dml.inserted + dml.updated + dml.deleted);
    return {
      statementType: compiled.kind === 'truncate' ? 'TRUNCATE_TABLE' : compiled.kind.toUpperCase(),
      dml,
      target: compiled.target.path,
      ...cost,
    };
  }

  /** Every table that was looked at exists in DuckDB, with its streamed rows. */
  async ready(looked: Looked, session: Session): Promise<void> {
    const { store } = this.service;
    if (!session.transaction) return store.readable(this.#stored(looked));
    // A table made outside now would not be in the transaction's snapshot.
    for (const table of looked.tables) {
      if (table.kind === 'TABLE' && !store.catalog.hasPhysical(table.id))
        session.transaction.created.push(await store.ensurePhysical(session.transaction.connection, table));
    }
  }

  select(compiled: CompiledQuery, values: readonly BoundValue[], session: Session, looked: Looked): Promise<ResultSet> {
    return this.onConnection(session, looked, (connection) =>
      duck(async () => {
        const given = new GivenRows(connection);
        try {
          const { text, values: bound } = await given.in(compiled.sql, values);
          return await steadily(looked, () => this.service.results.collect(connection, text, bound, compiled.columns, session.aborted));
        } finally {
          // In a transaction that has failed there is nothing to drop any more.
          await given.drop().catch(() => undefined);
        }
      }),
    );
  }

  /** On the transaction's connection, or any; with the INFORMATION_SCHEMA views that the statement looks at. */
  onConnection<T>(session: Session, looked: Looked, work: (connection: Connection) => Promise<T>): Promise<T> {
    const withViews = (connection: Connection) => this.onGivenConnection(connection, session, looked, () => work(connection));
    return session.transaction ? withViews(session.transaction.connection) : this.service.store.database.use(withViews);
  }

  async onGivenConnection<T>(connection: Connection, session: Session, looked: Looked, work: () => Promise<T>): Promise<T> {
    for (const view of looked.information) await materialize(this.service, session.caller, view, connection);
    const interrupt = () => connection.raw.interrupt();
    session.aborted.addEventListener('abort', interrupt, { once: true });
    try {
      return await (session.inAnyOrder ? connection.inAnyOrder(work) : work());
    } finally {
      session.aborted.removeEventListener('abort', interrupt);
      for (const view of looked.information) await connection.run(`DROP TABLE IF EXISTS ${view.table.physical}`).catch(() => undefined);
    }
  }

  bind(sql: DuckSql, session: Session): BoundValue[] {
    return sql.binds.map((bind) => boundValue(bind, session));
  }

  #stored(looked: Looked): TableRecord[] {
    return [...looked.tables];
  }

  #versions(looked: Looked): [number, number][] {
    return this.#stored(looked).map(({ id }) => [id, this.service.store.version(id)]);
  }

  #cacheKey(compiled: CompiledQuery, looked: Looked, sql: string, session: Session): string | undefined {
    if (
      !compiled.deterministic ||
      looked.information.length > 0 ||
      looked.tables.size === 0 ||
      session.variables.size > 0 ||
      session.tempTables.size > 0
    )
      return undefined;
    if (this.#stored(looked).some((table) => table.policies?.length)) return undefined;
    const parameters = session.parameters.map(({ name, value }) => `${name ?? ''}=${value}`).join('\n');
    if (parameters.length > 10_000) return undefined;
    return `${this.#key(sql, session, undefined)}\n${parameters}`;
  }

  #cached(key: string, looked: Looked): ResultSet | undefined {
    const cached = this.#results.get(key);
    if (!cached) return undefined;
    const { store } = this.service;
    const fresh =
      this.#stored(looked).every(({ id }) => !store.ingest.has(id)) &&
      cached.versions.every(([id, version]) => store.version(id) === version);
    const same =
      cached.versions.length === looked.tables.size &&
      this.#stored(looked).every(({ id }) => cached.versions.some(([known]) => known === id));
    if (fresh && same && cached.result.claim()) return cached.result;
    this.#results.delete(key);
    return undefined;
  }
}

const pathsOf = (looked: Looked): TablePath[] => [...looked.tables].map((table) => table.path);

const contextOf = (catalog: ScopedCatalog, session: Session, at: Position | undefined): CompileContext => ({
  catalog,
  parameters: session.parameters.map(({ name, type }) => (name === undefined ? { type } : { name, type })),
  positional: session.positional,
  variables: new Map([...session.variables].map(([name, { type }]) => [name, type])),
  ...(at ? { at } : {}),
});
