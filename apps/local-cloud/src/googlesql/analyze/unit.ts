/** The state of one compilation: binds, tables read, fresh aliases. Everything else travels in `Env`. */
import type { Bind, CompileContext, SqlType, TablePath } from '../contract.ts';
import type { Node, Query, QueryBody, WindowRef } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { physicalType } from '../sql-type.ts';
import { Scans } from './partitions.ts';
import type { Scope } from './scope.ts';
import type { LiteralValue, Typed } from './typed.ts';

export interface OutColumn {
  /** Undefined: anonymous. */
  readonly name: string | undefined;
  readonly type: SqlType;
  /** Name of the column in the compiled SELECT. */
  readonly sql: string;
  readonly untyped?: boolean;
  /** `[]` without a type. */
  readonly emptyArray?: boolean;
  /** The column is a literal: in a set operation it gives way to the other side's type. */
  readonly literal?: LiteralValue;
  readonly digits?: string;
  /** The text of a partition column whose values these are. */
  readonly origin?: string;
}
/** A compiled query: `core` yields `columns` (and hidden sort keys); order and limit are applied on top. */
export interface Relation {
  readonly core: string;
  readonly columns: readonly OutColumn[];
  readonly order: readonly string[];
  readonly limit: string;
  /** SELECT AS STRUCT/VALUE: one column that stands for the row. */
  readonly value: boolean;
  readonly hidden: boolean;
}

export interface Cte {
  readonly name: string;
  readonly sql: string;
  readonly columns: readonly OutColumn[];
  readonly value: boolean;
  /** While its recursive term is compiled: how often that has named it. */
  readonly recursive?: { references: number };
}

/** Set when analysing above a GROUP BY: keys and aggregates are taken from the grouped subquery. */
export interface Grouping {
  readonly source: Env;
  readonly keys: readonly { readonly node: Node | undefined; readonly sql: string; readonly value: Typed }[];
  readonly aggregate: (sql: string, type: SqlType) => Typed;
  readonly groupingOf: ((sql: string) => string | undefined) | undefined;
}

export type CompileBody = (body: QueryBody, env: Env) => Relation;

export interface Env {
  readonly unit: Unit;
  readonly scope: Scope;
  readonly ctes: ReadonlyMap<string, Cte>;
  readonly grouping?: Grouping;
  /** The clause, when aggregates are not allowed in it. */
  readonly noAggregates?: string;
  readonly noWindows?: string;
  readonly windows?: ReadonlyMap<string, WindowRef>;
  readonly aliases?: { readonly first: boolean; readonly map: ReadonlyMap<string, Typed | 'ambiguous'> };
  /** Lambda parameters and arguments of SQL functions. */
  readonly locals?: ReadonlyMap<string, Typed>;
}

export class Unit {
  readonly context: CompileContext;
  /** Injected: expressions contain queries, and all that they are made of contains expressions. */
  readonly compileQuery: (query: Query, env: Env) => Relation;
  readonly analyze: (node: Node, env: Env) => Typed;
  readonly binds: Bind[] = [];
  readonly reads = new Map<string, { path: TablePath; columns: Set<string> }>();
  readonly scans = new Scans();
  deterministic = true;
  /** References so far to the tables whose recursive terms are being compiled. */
  recursions = 0;
  private serial = 0;
  private routineDepth = 0;

  constructor(context: CompileContext, compile: Pick<Unit, 'compileQuery' | 'analyze'>) {
    this.context = context;
    this.compileQuery = compile.compileQuery;
    this.analyze = compile.analyze;
  }

  alias(): string {
    return `t${++this.serial}`;
  }

  private bind(bind: Bind, same: (b: Bind) => boolean): string {
    let i = this.binds.findIndex(same);
    if (i < 0) i = this.binds.push(bind) - 1;
    return `CAST($${i + 1} AS ${physicalType(bind.type)})`;
  }
  parameter(node: { readonly name?: string; readonly index?: number; readonly at: number }): Typed {
    const { parameters, positional } = this.context;
    const { name, index } = node;
    const found = name !== undefined ? parameters.find((p) => p.name?.toLowerCase() === name.toLowerCase()) : parameters[index!];
    if (name !== undefined && positional) throw new SyntaxFault('Named parameters are not supported', node.at);
    if (!found) {
      throw new SyntaxFault(
        name !== undefined ? `Query parameter '${name}' not found` : `Query parameter number ${index! + 1} is not defined`,
        node.at,
      );
    }
    const { type } = found;
    const sql =
      name !== undefined
        ? this.bind({ from: 'parameter', name: found.name!, type }, (b) => b.from === 'parameter' && b.name === found.name)
        : this.bind({ from: 'parameter', index: index!, type }, (b) => b.from === 'parameter' && b.index === index);
    return { type, sql, parameter: true };
  }
  variable(name: string, type: SqlType): Typed {
    return { type, sql: this.bind({ from: 'variable', name, type }, (b) => b.from === 'variable' && b.name === name) };
  }
  moment(name: Extract<Bind, { from: 'context' }>['name']): string {
    const type: SqlType = { kind: name === 'now' ? 'TIMESTAMP' : 'STRING' };
    this.deterministic = false;
    return this.bind({ from: 'context', name, type }, (b) => b.from === 'context' && b.name === name);
  }

  read(path: TablePath): (column?: string) => void {
    const key = `${path.project}.${path.dataset}.${path.table}`;
    const entry = this.reads.get(key) ?? { path, columns: new Set<string>() };
    this.reads.set(key, entry);
    return (column) => {
      if (column !== undefined) entry.columns.add(column);
    };
  }

  /** Runs the expansion of a routine or view; recursion among them is refused. */
  expanding<T>(what: string, at: number, body: () => T): T {
    if (++this.routineDepth > 32) throw new SyntaxFault(`Too many nested references: ${what}`, at);
    try {
      return body();
    } finally {
      this.routineDepth--;
    }
  }
}
