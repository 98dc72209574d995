/**
 * One connection to DuckDB: its prepared statements, its transaction. Knows no catalog and no GoogleSQL.
 *
 * 1. What a failed transaction did is rolled back before its error is seen.
 * 2. What may write, a transaction or a statement by itself, passes the gate, so that a checkpoint can find a moment without any.
 * 3. No plan and no chunk of a result waits for a garbage collector, which does not see what they hold.
 */
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type DuckDBType,
  type DuckDBValue,
  ResultReturnType,
} from '@duckdb/node-api';
import type { WriteGate } from './write-gate.ts';

const PREPARED_PER_CONNECTION = 128;
const WRITES = /^\s*(?:INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|ALTER|DROP)\b/i;

export interface BoundValue {
  readonly value: DuckDBValue;
  readonly type: DuckDBType;
}

interface Prepared {
  readonly statement: DuckDBPreparedStatement;
  /** For each DuckDB parameter index (from 1), which value it takes (`$3` and `$p3` both mean the third). */
  readonly order: readonly number[];
}

/** A plan owns memory (its VALUES, half a megabyte for twenty columns) that a garbage collector does not see and so does not free in time. */
function release(statement: DuckDBPreparedStatement, kept: boolean): void {
  if (kept) statement.clearBindings();
  else statement.destroySync();
}

export class Connection {
  readonly raw: DuckDBConnection;
  readonly #prepared = new Map<string, Prepared>();
  readonly #said = new Map<string, DuckDBPreparedStatement>();
  readonly #gate: WriteGate;
  #open = false;
  #anyOrder = false;
  constructor(raw: DuckDBConnection, gate: WriteGate) {
    this.raw = raw;
    this.#gate = gate;
  }

  async run(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBResult> {
    if (values.length === 0 && !this.#prepared.has(sql)) return this.#gated(sql, () => this.raw.run(sql));
    return this.query(sql, values);
  }

  /** Like run, but keeps the statement prepared: for text that comes again. */
  async query(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBResult> {
    const { statement, kept } = await this.#bound(sql, values);
    try {
      return await this.#gated(sql, () => statement.run());
    } finally {
      release(statement, kept);
    }
  }

  /** `work`, whose rows may lie in any order afterwards: only then can threads write without waiting for each other. */
  async inAnyOrder<T>(work: () => Promise<T>): Promise<T> {
    await this.raw.run('SET SESSION preserve_insertion_order = false');
    this.#anyOrder = true;
    try {
      return await work();
    } finally {
      // A transaction in which something failed takes ROLLBACK only; that is followed by this.
      await this.#inOrder().catch(() => undefined);
    }
  }

  async #inOrder(): Promise<void> {
    if (!this.#anyOrder) return;
    const interrupted = await this.raw.run('SET SESSION preserve_insertion_order = true').then(
      () => false,
      (error: Error) => {
        if (/^INTERRUPT/i.test(error.message)) return true;
        throw error;
      },
    );
    if (interrupted) return this.#inOrder();
    this.#anyOrder = false;
  }

  /** Within a transaction the gate has been passed already. */
  async #gated<T>(sql: string, work: () => Promise<T>): Promise<T> {
    if (this.#open || !WRITES.test(sql)) return work();
    await this.#gate.enter();
    try {
      return await work();
    } finally {
      this.#gate.leave();
    }
  }

  /**
   * The rows as they are made. A complete result lies outside DuckDB's memory limit, and stays until a garbage collector that does not
   * see its size gets to it; a stream holds a megabyte, and nothing once it has ended.
   */
  async *chunks(sql: string, values: readonly BoundValue[] = [], aborted?: AbortSignal): AsyncGenerator<DuckDBDataChunk, void> {
    const { statement, kept } = await this.#bound(sql, values);
    let ended = false;
    try {
      // A statement that fails ends its transaction, and could not be asked again why.
      const result = this.#open ? await statement.run() : await statement.stream();
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
        if (aborted?.aborted) throw new Error('INTERRUPT Error: Interrupted!');
        yield chunk;
        chunk.reset();
      }
      ended = true;
      if (aborted?.aborted) throw new Error('INTERRUPT Error: Interrupted!');
      if (result.returnType === ResultReturnType.INVALID) {
        // DuckDB's bindings show a stream that failed as one that ended: what was wrong, they say to who waits for all of it.
        await statement.run();
        throw new Error('A result broke off, and did not when it was asked for again.');
      }
    } finally {
      // Of a stream that nobody follows to its end, the next statement takes memory and snapshot.
      if (!ended && !this.#open) await this.raw.run('SELECT 1');
      release(statement, kept);
    }
  }

  async rows(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBValue[][]> {
    const result = await this.run(sql, values);
    return result.getRows();
  }

  async #bound(sql: string, values: readonly BoundValue[]): Promise<{ statement: DuckDBPreparedStatement; kept: boolean }> {
    let prepared = this.#prepared.get(sql);
    if (prepared) {
      this.#prepared.delete(sql);
    } else {
      const statement = await this.raw.prepare(sql);
      // DuckDB plans one without parameters once, by the statistics of that moment: kept, it would not see rows that came later.
      if (statement.parameterCount === 0) return { statement, kept: false };
      const order = Array.from({ length: statement.parameterCount }, (_, i) => {
        const digits = /(\d+)$/.exec(statement.parameterName(i + 1));
        return digits ? Number(digits[1]) - 1 : i;
      });
      prepared = { statement, order };
    }
    this.#prepared.set(sql, prepared);
    if (this.#prepared.size > PREPARED_PER_CONNECTION) {
      const [oldest, dropped] = this.#prepared.entries().next().value as [string, Prepared];
      this.#prepared.delete(oldest);
      dropped.statement.destroySync();
    }
    for (const [i, position] of prepared.order.entries()) {
      const bound = values[position];
      if (!bound) throw new Error(`parameter ${position + 1} of a compiled statement has no value`);
      prepared.statement.bindValue(i + 1, bound.value, bound.type);
    }
    return { statement: prepared.statement, kept: true };
  }

  forgetPrepared(): void {
    for (const { statement } of this.#prepared.values()) statement.destroySync();
    this.#prepared.clear();
  }

  /** What every transaction says, parsed once. */
  async #say(sql: string): Promise<void> {
    let said = this.#said.get(sql);
    if (!said) {
      said = await this.raw.prepare(sql);
      this.#said.set(sql, said);
    }
    await said.run();
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.begin();
    try {
      const result = await work();
      await this.commit();
      return result;
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async begin(): Promise<void> {
    await this.#gate.enter();
    this.#open = true;
    try {
      await this.#say('BEGIN TRANSACTION');
    } catch (error) {
      this.#left();
      throw error;
    }
  }

  /** When it fails, DuckDB has rolled back. */
  async commit(): Promise<void> {
    await this.#say('COMMIT');
    this.#left();
  }

  /** DuckDB has already rolled back when a COMMIT failed; then there is nothing left to do. What a cancelled job interrupts is asked for again. */
  async rollback(): Promise<void> {
    const interrupted = await this.raw.run('ROLLBACK').then(
      () => false,
      (error: Error) => /^INTERRUPT/i.test(error.message),
    );
    if (interrupted) return this.rollback();
    this.#left();
    await this.#inOrder();
  }

  #left(): void {
    if (this.#open) this.#gate.leave();
    this.#open = false;
  }

  close(): void {
    this.forgetPrepared();
    for (const statement of this.#said.values()) statement.destroySync();
    this.raw.closeSync();
    this.#left();
  }
}
