/** What expressions of a script come to, and the variables that keep it: DECLARE, SET, conditions, rows to go through. */
import type { DuckDBStructValue, DuckDBValue } from '@duckdb/node-api';
import type { Position, ScriptNode, SqlType } from '../../googlesql/contract.ts';
import { formatType } from '../../googlesql/index.ts';
import { fieldName } from '../../googlesql/sql-type.ts';
import { ApiError } from '../errors.ts';
import type { Session } from './session.ts';
import type { Statements } from './statements.ts';

export type ScriptNodeOf<N extends ScriptNode['node']> = Extract<ScriptNode, { node: N }>;
export const INT64: SqlType = { kind: 'INT64' };

export class ScriptValues {
  readonly #statements: Statements;
  readonly #session: Session;

  constructor(statements: Statements, session: Session) {
    this.#statements = statements;
    this.#session = session;
  }

  /** Adds to `declared` what ends with the block. */
  async declare(node: ScriptNodeOf<'declare'>, declared: string[]): Promise<void> {
    let type = node.type;
    let value: DuckDBValue = null;
    if (node.defaultSql !== undefined) {
      const found = await this.value(node.defaultSql, node.at, type);
      type ??= found.type;
      value = found.value;
    }
    for (const name of node.names) {
      const key = name.toLowerCase();
      if (this.#session.variables.has(key))
        throw new ApiError('invalidQuery', `Variable '${name}' redeclaration at [${node.at.line}:${node.at.column}]`, 'query');
      this.#session.variables.set(key, { type: type ?? INT64, value });
      declared.push(key);
    }
  }

  async set(node: ScriptNodeOf<'set'>): Promise<void> {
    const targets = node.names.map((name) => this.variable(name, node.at));
    if (targets.length === 1) {
      targets[0]!.value = (await this.value(node.sql, node.at, targets[0]!.type)).value;
      return;
    }
    const { type, value } = await this.value(node.sql, node.at, undefined);
    if (type.kind !== 'STRUCT' || type.fields.length !== targets.length) {
      throw new ApiError(
        'invalidQuery',
        `Number of variables (${targets.length}) does not match the value assigned at [${node.at.line}:${node.at.column}]`,
        'query',
      );
    }
    const given = value === null ? [] : Object.values((value as DuckDBStructValue).entries);
    for (const [i, target] of targets.entries()) {
      const field = type.fields[i]!.type;
      if (formatType(field) === formatType(target.type)) target.value = given[i] ?? null;
      else target.value = (await this.value(`(SELECT AS STRUCT ${node.sql}).${fieldName(type.fields, i)}`, node.at, target.type)).value;
    }
  }

  variable(name: string, at: Position) {
    const variable = this.#session.variables.get(name.toLowerCase());
    if (name.startsWith('@@'))
      throw new ApiError('invalidQuery', `Setting system variable ${name} is not supported at [${at.line}:${at.column}]`, 'query');
    if (!variable) throw new ApiError('invalidQuery', `Undeclared variable: ${name} at [${at.line}:${at.column}]`, 'query');
    return variable;
  }

  /** An expression's value, converted to `wanted` if it is of another type. */
  async value(sql: string, at: Position, wanted: SqlType | undefined): Promise<{ type: SqlType; value: DuckDBValue }> {
    const found = await this.#statements.expression(sql, this.#session, at);
    const type = found.columns[0]!.type;
    if (wanted === undefined || formatType(type) === formatType(wanted)) return { type: wanted ?? type, value: found.row[0] ?? null };
    const converted = await this.#statements.expression(`CAST((${sql}) AS ${formatType(wanted)})`, this.#session, at);
    return { type: wanted, value: converted.row[0] ?? null };
  }

  async condition(sql: string, at: Position): Promise<boolean> {
    const { type, value } = await this.value(sql, at, undefined);
    if (type.kind !== 'BOOL')
      throw new ApiError(
        'invalidQuery',
        `Condition must be of type BOOL but was ${formatType(type)} at [${at.line}:${at.column}]`,
        'query',
      );
    return value === true;
  }
}
