/** The syntax tree. `at` is the offset of the node's first character (for an operator: of the operator's left operand or itself). */
export type TypeNode =
  | { readonly k: 'simple'; readonly name: string; readonly parameters: readonly number[]; readonly at: number }
  | { readonly k: 'array'; readonly element: TypeNode; readonly at: number }
  | { readonly k: 'range'; readonly element: TypeNode; readonly at: number }
  | {
      readonly k: 'struct';
      readonly fields: readonly {
        readonly name: string;
        readonly type: TypeNode;
        readonly options?: Options;
        readonly required?: boolean;
      }[];
      readonly at: number;
    };

export type Node =
  | { readonly k: 'null'; readonly at: number }
  | { readonly k: 'bool'; readonly value: boolean; readonly at: number }
  | { readonly k: 'int'; readonly text: string; readonly at: number }
  | { readonly k: 'float'; readonly text: string; readonly at: number }
  | { readonly k: 'string'; readonly value: string; readonly at: number }
  | { readonly k: 'bytes'; readonly value: Uint8Array; readonly at: number }
  | { readonly k: 'typed'; readonly type: string; readonly value: string; readonly at: number }
  | { readonly k: 'rangeLiteral'; readonly type: TypeNode; readonly value: string; readonly at: number }
  | { readonly k: 'name'; readonly name: string; readonly at: number }
  | { readonly k: 'dot'; readonly of: Node; readonly name: string; readonly at: number }
  | { readonly k: 'index'; readonly of: Node; readonly index: Node; readonly at: number }
  | { readonly k: 'param'; readonly name?: string; readonly index?: number; readonly at: number }
  | { readonly k: 'sysvar'; readonly name: string; readonly at: number }
  | CallNode
  | {
      readonly k: 'cast';
      readonly safe: boolean;
      readonly of: Node;
      readonly type: TypeNode;
      readonly format?: Node;
      readonly zone?: Node;
      readonly at: number;
    }
  | { readonly k: 'extract'; readonly part: PartNode; readonly of: Node; readonly zone?: Node; readonly at: number }
  | {
      readonly k: 'case';
      readonly of?: Node;
      readonly whens: readonly { readonly when: Node; readonly value: Node }[];
      readonly otherwise?: Node;
      readonly at: number;
    }
  | { readonly k: 'between'; readonly of: Node; readonly low: Node; readonly high: Node; readonly not: boolean; readonly at: number }
  | {
      readonly k: 'in';
      readonly of: Node;
      readonly list?: readonly Node[];
      readonly query?: Query;
      readonly unnest?: Node;
      readonly not: boolean;
      readonly at: number;
    }
  | {
      readonly k: 'like';
      readonly of: Node;
      readonly pattern?: Node;
      readonly quantifier?: 'ANY' | 'ALL';
      readonly patterns?: readonly Node[];
      readonly unnest?: Node;
      readonly not: boolean;
      readonly at: number;
    }
  | {
      readonly k: 'is';
      readonly of: Node;
      readonly what: 'NULL' | 'TRUE' | 'FALSE' | 'UNKNOWN';
      readonly not: boolean;
      readonly at: number;
    }
  | { readonly k: 'distinct'; readonly left: Node; readonly right: Node; readonly not: boolean; readonly at: number }
  | { readonly k: 'unary'; readonly op: '-' | '+' | '~'; readonly of: Node; readonly at: number }
  | { readonly k: 'binary'; readonly op: string; readonly left: Node; readonly right: Node; readonly at: number }
  | { readonly k: 'and' | 'or'; readonly operands: readonly Node[]; readonly at: number }
  | { readonly k: 'not'; readonly of: Node; readonly at: number }
  | { readonly k: 'arrayCtor'; readonly type?: TypeNode; readonly items: readonly Node[]; readonly at: number }
  | {
      readonly k: 'structCtor';
      readonly type?: TypeNode;
      readonly items: readonly { readonly value: Node; readonly name?: string }[];
      readonly tuple: boolean;
      readonly at: number;
    }
  | { readonly k: 'scalarQuery'; readonly query: Query; readonly at: number }
  | { readonly k: 'arrayQuery'; readonly query: Query; readonly at: number }
  | { readonly k: 'exists'; readonly query: Query; readonly at: number }
  | { readonly k: 'interval'; readonly value: Node; readonly part: PartNode; readonly to?: PartNode; readonly at: number }
  | { readonly k: 'lambda'; readonly params: readonly string[]; readonly body: Node; readonly at: number }
  | { readonly k: 'default'; readonly at: number }
  | { readonly k: 'star'; readonly at: number }
  | { readonly k: 'table'; readonly path: readonly string[]; readonly at: number };

/** A date part: `DAY`, `WEEK(MONDAY)`. */
export interface PartNode {
  readonly name: string;
  readonly weekday?: string;
  readonly at: number;
}

export interface CallNode {
  readonly k: 'call';
  /** Upper-case for builtins is decided later; as written here. `SAFE` prefix removed. */
  readonly path: readonly string[];
  readonly safe: boolean;
  readonly args: readonly Node[];
  readonly named: readonly { readonly name: string; readonly value: Node }[];
  readonly distinct: boolean;
  readonly nulls?: 'IGNORE' | 'RESPECT';
  readonly having?: { readonly which: 'MAX' | 'MIN'; readonly of: Node };
  readonly order: readonly OrderItem[];
  readonly limit?: Node;
  readonly over?: WindowRef;
  readonly at: number;
}

export interface OrderItem {
  readonly of: Node;
  readonly desc: boolean;
  readonly nulls?: 'FIRST' | 'LAST';
  readonly collate?: Node;
}

export interface WindowSpec {
  readonly base?: string;
  readonly partition: readonly Node[];
  readonly order: readonly OrderItem[];
  readonly frame?: { readonly unit: 'ROWS' | 'RANGE'; readonly from: FrameBound; readonly to?: FrameBound };
  readonly at: number;
}
export interface FrameBound {
  readonly kind: 'UNBOUNDED PRECEDING' | 'UNBOUNDED FOLLOWING' | 'CURRENT ROW' | 'PRECEDING' | 'FOLLOWING';
  readonly offset?: Node;
}
export type WindowRef = { readonly name: string; readonly at: number } | WindowSpec;

export interface Options {
  readonly entries: readonly { readonly name: string; readonly value: Node; readonly at: number }[];
}

export type SelectItem =
  | { readonly k: 'expr'; readonly of: Node; readonly alias?: string; readonly at: number }
  | {
      readonly k: 'star';
      readonly of?: Node;
      readonly except: readonly string[];
      readonly replace: readonly { readonly of: Node; readonly name: string }[];
      readonly at: number;
    };

export type GroupItem =
  | { readonly k: 'expr'; readonly of: Node; readonly alias?: string; readonly at: number }
  | { readonly k: 'rollup' | 'cube'; readonly items: readonly (readonly Node[])[]; readonly at: number }
  | { readonly k: 'sets'; readonly sets: readonly GroupItem[]; readonly at: number }
  | { readonly k: 'tuple'; readonly items: readonly Node[]; readonly at: number };

export interface Select {
  readonly k: 'select';
  readonly distinct: boolean;
  readonly as?: 'STRUCT' | 'VALUE';
  readonly items: readonly SelectItem[];
  readonly from?: From;
  readonly where?: Node;
  readonly groupBy?: { readonly all: boolean; readonly items: readonly GroupItem[]; readonly at: number };
  readonly having?: Node;
  readonly qualify?: Node;
  readonly windows: readonly { readonly name: string; readonly spec: WindowRef }[];
  readonly at: number;
}

export type QueryBody =
  | Select
  | { readonly k: 'query'; readonly query: Query; readonly at: number }
  | { readonly k: 'pipe'; readonly input: QueryBody; readonly op: PipeOp; readonly at: number }
  | { readonly k: 'fromOnly'; readonly from: From; readonly at: number }
  | {
      readonly k: 'set';
      readonly op: 'UNION ALL' | 'UNION DISTINCT' | 'INTERSECT DISTINCT' | 'EXCEPT DISTINCT' | 'INTERSECT ALL' | 'EXCEPT ALL';
      readonly byName?: {
        readonly corresponding: boolean;
        readonly mode: 'INNER' | 'LEFT' | 'FULL' | 'STRICT';
        readonly on?: readonly string[];
      };
      readonly left: QueryBody;
      readonly right: QueryBody;
      readonly at: number;
    };

export type PipeOp =
  | { readonly op: 'where'; readonly of: Node }
  | {
      readonly op: 'select' | 'extend';
      readonly distinct: boolean;
      readonly items: readonly SelectItem[];
      readonly windows: Select['windows'];
    }
  | { readonly op: 'set'; readonly items: readonly { readonly name: string; readonly of: Node }[] }
  | { readonly op: 'drop'; readonly names: readonly string[] }
  | { readonly op: 'rename'; readonly items: readonly { readonly from: string; readonly to: string }[] }
  | { readonly op: 'as'; readonly alias: string }
  | { readonly op: 'order'; readonly order: readonly OrderItem[] }
  | { readonly op: 'limit'; readonly limit: Node; readonly offset?: Node }
  | {
      readonly op: 'aggregate';
      readonly items: readonly SelectItem[];
      readonly groups: readonly { readonly of: Node; readonly alias?: string; readonly at: number }[];
    }
  | { readonly op: 'distinct' }
  | { readonly op: 'join'; readonly make: (left: From) => From }
  | { readonly op: 'set-op'; readonly make: (left: QueryBody) => QueryBody }
  | { readonly op: 'pivot'; readonly make: (left: From) => From };

export interface Query {
  readonly with: readonly Cte[];
  readonly recursive: boolean;
  readonly body: QueryBody;
  readonly order: readonly OrderItem[];
  readonly limit?: Node;
  readonly offset?: Node;
  readonly at: number;
  readonly end: number;
}
export interface Cte {
  readonly name: string;
  readonly query: Query;
  readonly at: number;
}

export type From =
  | {
      readonly k: 'path';
      readonly path: readonly string[];
      readonly alias?: string;
      readonly offset?: string | true;
      readonly asOf?: Node;
      readonly at: number;
    }
  | { readonly k: 'unnest'; readonly of: Node; readonly alias?: string; readonly offset?: string | true; readonly at: number }
  | { readonly k: 'query'; readonly query: Query; readonly alias?: string; readonly at: number }
  | { readonly k: 'tvf'; readonly path: readonly string[]; readonly args: readonly Node[]; readonly alias?: string; readonly at: number }
  | {
      readonly k: 'join';
      readonly kind: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL' | 'CROSS' | 'COMMA';
      readonly left: From;
      readonly right: From;
      readonly on?: Node;
      readonly using?: readonly string[];
      readonly at: number;
    }
  | { readonly k: 'rows'; readonly body: QueryBody; readonly alias?: string; readonly at: number }
  | {
      readonly k: 'pivot';
      readonly input: From;
      readonly aggregates: readonly { readonly of: Node; readonly alias?: string }[];
      readonly by: Node;
      readonly values: readonly { readonly of: Node; readonly alias?: string }[];
      readonly alias?: string;
      readonly at: number;
    }
  | {
      readonly k: 'unpivot';
      readonly input: From;
      readonly includeNulls: boolean;
      readonly values: readonly string[];
      readonly name: string;
      readonly columns: readonly { readonly names: readonly string[]; readonly label?: Node }[];
      readonly alias?: string;
      readonly at: number;
    }
  | { readonly k: 'sample'; readonly input: From; readonly size: Node; readonly unit: 'PERCENT' | 'ROWS'; readonly at: number };

export interface ColumnDef {
  readonly name: string;
  readonly type: TypeNode;
  readonly notNull: boolean;
  readonly defaultAt?: readonly [number, number];
  readonly options?: Options;
  readonly primaryKey: boolean;
  readonly at: number;
}

export type Statement =
  | { readonly k: 'query'; readonly query: Query; readonly at: number }
  | {
      readonly k: 'insert';
      readonly target: readonly string[];
      readonly columns?: readonly string[];
      readonly rows?: readonly (readonly Node[])[];
      readonly query?: Query;
      readonly at: number;
    }
  | {
      readonly k: 'update';
      readonly target: readonly string[];
      readonly alias?: string;
      readonly set: readonly SetItem[];
      readonly from?: From;
      readonly where?: Node;
      readonly at: number;
    }
  | { readonly k: 'delete'; readonly target: readonly string[]; readonly alias?: string; readonly where?: Node; readonly at: number }
  | { readonly k: 'truncate'; readonly target: readonly string[]; readonly at: number }
  | {
      readonly k: 'merge';
      readonly target: readonly string[];
      readonly alias?: string;
      readonly source: From;
      readonly on: Node;
      readonly branches: readonly MergeBranch[];
      readonly at: number;
    }
  | DdlStatement;

export interface SetItem {
  readonly path: readonly string[];
  readonly value: Node;
  readonly at: number;
}
export interface MergeBranch {
  readonly when: 'MATCHED' | 'NOT MATCHED' | 'NOT MATCHED BY SOURCE';
  readonly and?: Node;
  readonly action:
    | { readonly k: 'update'; readonly set: readonly SetItem[] }
    | { readonly k: 'delete' }
    | { readonly k: 'insert'; readonly columns?: readonly string[]; readonly values?: readonly Node[] };
  readonly at: number;
}

export type AlterNode =
  | { readonly action: 'addColumn'; readonly column: ColumnDef; readonly ifNotExists: boolean }
  | { readonly action: 'dropColumn'; readonly name: string; readonly ifExists: boolean }
  | { readonly action: 'renameColumn'; readonly from: string; readonly to: string; readonly ifExists: boolean }
  | { readonly action: 'setDataType'; readonly name: string; readonly type: TypeNode }
  | { readonly action: 'dropNotNull'; readonly name: string }
  | { readonly action: 'setColumnOptions'; readonly name: string; readonly options: Options }
  | { readonly action: 'setDefault'; readonly name: string; readonly sql: string | undefined }
  | { readonly action: 'setOptions'; readonly options: Options }
  | { readonly action: 'renameTo'; readonly table: string };

export type DdlStatement =
  | {
      readonly k: 'createSchema';
      readonly path: readonly string[];
      readonly ifNotExists: boolean;
      readonly options?: Options;
      readonly at: number;
    }
  | {
      readonly k: 'alterSchema';
      readonly path: readonly string[];
      readonly ifExists: boolean;
      readonly options: Options;
      readonly at: number;
    }
  | {
      readonly k: 'dropSchema';
      readonly path: readonly string[];
      readonly ifExists: boolean;
      readonly cascade: boolean;
      readonly at: number;
    }
  | {
      readonly k: 'createTable';
      readonly path: readonly string[];
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      readonly temporary: boolean;
      readonly columns?: readonly ColumnDef[];
      readonly primaryKey?: readonly string[];
      readonly partitionBy?: Node;
      readonly clusterBy?: readonly string[];
      readonly options?: Options;
      readonly asSelect?: Query;
      readonly like?: readonly string[];
      readonly clone?: readonly string[];
      readonly copy?: readonly string[];
      readonly at: number;
    }
  | {
      readonly k: 'alterTable';
      readonly path: readonly string[];
      readonly ifExists: boolean;
      readonly actions: readonly AlterNode[];
      readonly at: number;
    }
  | {
      readonly k: 'drop';
      readonly what: 'TABLE' | 'VIEW';
      readonly path: readonly string[];
      readonly ifExists: boolean;
      readonly at: number;
    }
  | {
      readonly k: 'createView';
      readonly path: readonly string[];
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      readonly columns?: readonly { readonly name: string; readonly options?: Options }[];
      readonly options?: Options;
      readonly query: Query;
      readonly at: number;
    }
  | {
      readonly k: 'alterView';
      readonly path: readonly string[];
      readonly ifExists: boolean;
      readonly options: Options;
      readonly at: number;
    }
  | {
      readonly k: 'createFunction';
      readonly path: readonly string[];
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      readonly temporary: boolean;
      readonly table: boolean;
      readonly args: readonly { readonly name: string; readonly type: TypeNode | 'ANY TYPE' }[];
      readonly returns?: TypeNode;
      readonly body: string;
      readonly bodyNode: Node | Query;
      readonly at: number;
    }
  | { readonly k: 'dropFunction'; readonly path: readonly string[]; readonly ifExists: boolean; readonly at: number }
  | {
      readonly k: 'createRowAccessPolicy';
      readonly name: string;
      readonly path: readonly string[];
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      readonly grantees: readonly string[];
      readonly filter: string;
      readonly filterNode: Node;
      readonly at: number;
    }
  | {
      readonly k: 'dropRowAccessPolicy';
      readonly name: string | 'ALL';
      readonly path: readonly string[];
      readonly ifExists: boolean;
      readonly at: number;
    };
