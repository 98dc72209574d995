/**
 * Runs a script: statements one after the other, with variables, control flow, exceptions and transactions.
 *
 * 1. A statement is compiled when it is reached: it sees the tables and variables that exist then.
 * 2. Variables live as long as the block that declares them.
 * 3. A transaction that is still open at the end, or when an error leaves the script, is rolled back.
 * 4. Temporary tables go when the script ends, however it ends.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { DuckDBStructValue } from '@duckdb/node-api';
import type { Position, ScriptNode, SqlType } from '../../googlesql/contract.ts';
import { parseScript } from '../../googlesql/index.ts';
import { fieldName } from '../../googlesql/sql-type.ts';
import { ApiError } from '../errors.ts';
import { fromGoogleSql } from './errors.ts';
import type { StatementResult } from './outcome.ts';
import { ScriptTransaction } from './script-transaction.ts';
import { INT64, type ScriptNodeOf, ScriptValues } from './script-values.ts';
import { Session } from './session.ts';
import type { Statements } from './statements.ts';
import { dropAllTemporary } from './temporary-tables.ts';

class Break extends Error {
  readonly label: string | undefined;
  constructor(label: string | undefined) {
    super('BREAK outside of a loop');
    this.label = label;
  }
}
class Continue extends Break {}
class Return extends Error {}

const STRING: SqlType = { kind: 'STRING' };
const MAX_DEPTH = 50;
const errorVariables = ['@@error.message', '@@error.stack_trace', '@@error.statement_text', '@@error.formatted_stack_trace'];

export interface RanStatement {
  readonly text: string;
  /** Where it stands in the script; a statement that was made by EXECUTE IMMEDIATE stands nowhere. */
  readonly at: Position | undefined;
  readonly started: number;
}
export interface ScriptOptions {
  /** Told of every statement that ran or failed: child jobs are made of these. */
  readonly ran: (statement: RanStatement, result: StatementResult | undefined, error: ApiError | undefined) => void;
}

export class Script {
  readonly #statements: Statements;
  readonly #session: Session;
  readonly #options: ScriptOptions;
  readonly #transaction: ScriptTransaction;
  readonly #values: ScriptValues;
  #last: StatementResult | undefined;
  #error: ApiError | undefined;
  /** The text of the statement that failed last. */
  #failedText = '';

  constructor(statements: Statements, session: Session, options: ScriptOptions) {
    this.#statements = statements;
    this.#session = session;
    this.#options = options;
    this.#transaction = new ScriptTransaction(statements.service, session);
    this.#values = new ScriptValues(statements, session);
  }

  /** The result of the last statement. */
  async run(nodes: readonly ScriptNode[]): Promise<StatementResult | undefined> {
    const { variables } = this.#session;
    variables.set('@@row_count', { type: INT64, value: null });
    try {
      await this.#block(nodes, 0);
      return this.#last;
    } catch (error) {
      if (error instanceof Return) return this.#last;
      if (error instanceof Break) throw new ApiError('invalidQuery', error.message, 'query');
      throw error;
    } finally {
      await this.#transaction.rollback();
      await dropAllTemporary(this.#statements.service.store, this.#session);
    }
  }

  async #block(nodes: readonly ScriptNode[], depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw new ApiError('invalidQuery', 'Script is nested too deeply', 'query');
    const declared: string[] = [];
    try {
      for (const node of nodes) {
        if (node.node === 'declare') await this.#values.declare(node, declared);
        else await this.#step(node, depth);
      }
    } finally {
      for (const name of declared) this.#session.variables.delete(name);
    }
  }

  async #step(node: ScriptNode, depth: number): Promise<void> {
    if (this.#session.aborted.aborted) throw new ApiError('stopped', 'Job execution was cancelled: User requested cancellation');
    switch (node.node) {
      case 'statement':
        await this.#statement(node.text, node.at);
        return;
      case 'declare':
        return;
      case 'set':
        await this.#values.set(node);
        return;
      case 'if':
        for (const { condition, body } of node.branches)
          if (await this.#values.condition(condition, node.at)) return this.#block(body, depth + 1);
        return this.#block(node.otherwise, depth + 1);
      case 'loop':
        return this.#loop(node.label, async () => true, node.body, depth);
      case 'while':
        return this.#loop(node.label, () => this.#values.condition(node.condition, node.at), node.body, depth);
      case 'repeat':
        return this.#loop(
          node.label,
          async () => true,
          node.body,
          depth,
          async () => !(await this.#values.condition(node.until, node.at)),
        );
      case 'for':
        return this.#for(node, depth);
      case 'break':
        throw new Break(node.label?.toLowerCase());
      case 'continue':
        throw new Continue(node.label?.toLowerCase());
      case 'return':
        throw new Return();
      case 'raise':
        return this.#raise(node);
      case 'block':
        return this.#guarded(node, depth);
      case 'transaction':
        return this.#transaction.run(node.verb);
      case 'executeImmediate':
        return this.#executeImmediate(node);
      case 'assert':
        if (!(await this.#values.condition(node.condition, node.at))) {
          throw new ApiError(
            'invalidQuery',
            node.description === undefined ? 'Assertion failed' : `Assertion failed: ${node.description}`,
            'query',
          );
        }
        return;
      default:
        throw new Error(`no such node: ${(node satisfies never as { node: string }).node}`);
    }
  }

  async #statement(text: string, at?: Position, session = this.#session): Promise<StatementResult> {
    const ran = { text, at, started: Date.now() };
    try {
      if (this.#transaction.broken) await this.#refuseTables(text, session, at);
      const result = await this.#statements.run(text, session, {}, at);
      this.#options.ran(ran, result, undefined);
      this.#last = result;
      if (result.dml) this.#session.variables.set('@@row_count', { type: INT64, value: session.rowCount });
      return result;
    } catch (error) {
      this.#failedText = text;
      this.#options.ran(ran, undefined, error instanceof ApiError ? error : undefined);
      throw error;
    }
  }

  async #loop(
    label: string | undefined,
    before: () => Promise<boolean>,
    body: readonly ScriptNode[],
    depth: number,
    after?: () => Promise<boolean>,
  ): Promise<void> {
    while (await before()) {
      if (!(await this.#iteration(label, body, depth))) return;
      if (after && !(await after())) return;
    }
  }

  /** False when the loop is to end. */
  async #iteration(label: string | undefined, body: readonly ScriptNode[], depth: number): Promise<boolean> {
    await breathe();
    try {
      if (this.#session.aborted.aborted) throw new ApiError('stopped', 'Job execution was cancelled: User requested cancellation');
      await this.#block(body, depth + 1);
    } catch (error) {
      if (!(error instanceof Break) || (error.label !== undefined && error.label !== label?.toLowerCase())) throw error;
      return error instanceof Continue;
    }
    return true;
  }

  async #for(node: ScriptNodeOf<'for'>, depth: number): Promise<void> {
    const { columns, rows } = await this.#statements.rows(node.query, this.#session, node.at);
    const fields = columns.map(({ name, type }) => ({ name, type }));
    const type: SqlType = { kind: 'STRUCT', fields };
    const key = node.variable.toLowerCase();
    try {
      for (const row of rows) {
        const entries = Object.fromEntries(fields.map((_, i) => [fieldName(fields, i), row[i] ?? null]));
        this.#session.variables.set(key, { type, value: new DuckDBStructValue(entries) });
        if (!(await this.#iteration(node.label, node.body, depth))) return;
      }
    } finally {
      this.#session.variables.delete(key);
    }
  }

  async #raise(node: ScriptNodeOf<'raise'>): Promise<never> {
    if (node.messageSql === undefined) {
      throw (
        this.#error ??
        new ApiError(
          'invalidQuery',
          `Cannot re-raise an existing exception outside of an exception handler at [${node.at.line}:${node.at.column}]`,
          'query',
        )
      );
    }
    const { value } = await this.#values.value(node.messageSql, node.at, STRING);
    throw new RaisedError(String(value), node.at);
  }

  async #guarded(node: ScriptNodeOf<'block'>, depth: number): Promise<void> {
    try {
      await this.#block(node.body, depth + 1);
    } catch (error) {
      if (error instanceof Break && !(error instanceof Continue) && error.label !== undefined && error.label === node.label?.toLowerCase())
        return;
      if (!node.handler || !(error instanceof ApiError) || error.reason === 'stopped') throw error;
      const outer = this.#error;
      this.#error = error;
      await this.#transaction.leaveAborted();
      const message = error instanceof RaisedError ? error.raised : error.message;
      const values = [message, '', this.#failedText, ''];
      this.#failedText = '';
      for (const [i, name] of errorVariables.entries()) this.#session.variables.set(name, { type: STRING, value: values[i]! });
      try {
        await this.#block(node.handler, depth + 1);
      } finally {
        this.#error = outer;
        for (const name of errorVariables) {
          if (outer) this.#session.variables.set(name, { type: STRING, value: name === errorVariables[0] ? outer.message : '' });
          else this.#session.variables.delete(name);
        }
      }
    }
  }

  /** What stands in the handler before ROLLBACK would read and write outside of the transaction that it belongs to. */
  async #refuseTables(text: string, session: Session, at?: Position): Promise<void> {
    const { compiled } = await this.#statements.prepare(text, session, at);
    if (compiled.kind !== 'query' || compiled.reads.length > 0)
      throw new ApiError('invalidQuery', 'The transaction was aborted by an error in it: ROLLBACK TRANSACTION must come first', 'query');
  }

  async #executeImmediate(node: ScriptNodeOf<'executeImmediate'>): Promise<void> {
    const { value } = await this.#values.value(node.sql, node.at, STRING);
    if (typeof value !== 'string')
      throw new ApiError('invalidQuery', `SQL created by EXECUTE IMMEDIATE cannot be NULL at [${node.at.line}:${node.at.column}]`, 'query');
    const parameters = [];
    for (const { sql, name } of node.using) {
      const given = await this.#values.value(sql, node.at, undefined);
      parameters.push({ ...(name === undefined ? {} : { name }), ...given });
    }
    const outer = this.#session;
    const inner = new Session({
      caller: outer.caller,
      project: outer.project,
      defaultDataset: outer.defaultDataset,
      parameters,
      positional: parameters.every(({ name }) => name === undefined),
      aborted: outer.aborted,
    });
    for (const [name, variable] of outer.variables) if (name.startsWith('@@')) inner.variables.set(name, variable);
    for (const [name, table] of outer.tempTables) inner.tempTables.set(name, table);
    for (const [name, routine] of outer.tempRoutines) inner.tempRoutines.set(name, routine);
    inner.temporaryVersion = outer.temporaryVersion;
    inner.transaction = outer.transaction;
    const nodes = parsed(value);
    if (nodes.length !== 1 || nodes[0]!.node !== 'statement')
      throw new ApiError('invalidQuery', 'EXECUTE IMMEDIATE takes exactly one SQL statement', 'query');
    if (node.into.length > 0) {
      const { columns, rows } = await this.#statements.rows(value, inner);
      if (rows.length > 1)
        throw new ApiError('invalidQuery', 'The EXECUTE IMMEDIATE INTO clause accepts a query that returns at most one row', 'query');
      if (columns.length !== node.into.length)
        throw new ApiError(
          'invalidQuery',
          `The EXECUTE IMMEDIATE INTO clause must have the same number of variables as columns: ${columns.length}`,
          'query',
        );
      for (const [i, name] of node.into.entries()) this.#values.variable(name, node.at).value = rows[0]?.[i] ?? null;
      return;
    }
    await this.#statement(value, undefined, inner);
    outer.rowCount = inner.rowCount;
    outer.tempTables.clear();
    for (const [name, table] of inner.tempTables) outer.tempTables.set(name, table);
    for (const [name, routine] of inner.tempRoutines) outer.tempRoutines.set(name, routine);
    outer.temporaryVersion = inner.temporaryVersion;
  }
}

class RaisedError extends ApiError {
  readonly raised: string;
  constructor(message: string, at: Position) {
    super('invalidQuery', `Query error: ${message} at [${at.line}:${at.column}]`, 'query');
    this.raised = message;
  }
}

export function parsed(sql: string): readonly ScriptNode[] {
  try {
    return parseScript(sql);
  } catch (error) {
    if (error instanceof Error && error.name === 'GoogleSqlError') throw fromGoogleSql(error as Parameters<typeof fromGoogleSql>[0]);
    throw error;
  }
}
