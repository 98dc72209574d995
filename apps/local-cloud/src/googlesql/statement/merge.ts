/**
 * MERGE. The join is computed once, into a temporary table that says for every row which branch applies and with which
 * values; then each branch is one statement over that table. A MERGE that can only insert is a single INSERT.
 *
 * 1. All branches see the table as it was before the statement.
 * 2. A target row is touched by at most one source row, else the statement fails.
 * 3. A row is updated by inserting it anew and deleting the old one: DuckDB logs an update of scattered rows by whole vectors, which
 *    made the commit of 5 000 in a million twelve times as dear as this.
 */
import { analyze } from '../analyze/expression.ts';
import { analyzeFrom } from '../analyze/from.ts';
import { want } from '../analyze/operator.ts';
import type { RangeVariable, Scope, ScopeColumn, Source } from '../analyze/scope.ts';
import { findTable } from '../analyze/tables.ts';
import { conjunctsOf, raw } from '../analyze/typed.ts';
import type { Env } from '../analyze/unit.ts';
import type { CatalogTable, Column, CompiledDml } from '../contract.ts';
import type { From, MergeBranch, Node, Statement } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { BOOL, quote } from '../sql-type.ts';
import { assignments, TOO_MANY } from './dml.ts';
import { duckSql, readsOf } from './output.ts';
import { assigned, columnList, columnOf, defaultOf, partitionId, storedColumns, type Target, targetOf, valueFor } from './write.ts';

type Merge = Extract<Statement, { k: 'merge' }>;
const TEMP = 'temp.main.gs_merge';

export function merge(statement: Merge, env: Env): CompiledDml {
  const target = targetOf(statement.target, statement.alias, statement.at, env);
  const source = enclose(
    analyzeFrom(statement.source, { ...env, scope: { parent: undefined, ranges: [], columns: [] } }, env.unit.compileQuery),
    env,
  );
  const clash = source.scope.ranges.find((r) => r.alias && r.alias.toLowerCase() === target.scope.ranges[0]!.alias?.toLowerCase());
  if (clash) throw new SyntaxFault(`Duplicate table alias ${clash.alias} in the same FROM clause`, statement.source.at);
  const both: Scope = {
    parent: undefined,
    ranges: [...target.scope.ranges, ...source.scope.ranges],
    columns: [...target.scope.columns, ...source.scope.columns],
  };
  const plain = { ...env, noAggregates: 'MERGE', noWindows: 'MERGE' };
  const joined = want(analyze(statement.on, { ...plain, scope: both }), BOOL, statement.on.at, 'MERGE ON clause');
  const on = joined.sql;
  const envFor = (b: MergeBranch): Env => ({
    ...plain,
    scope: b.when === 'MATCHED' ? both : b.when === 'NOT MATCHED' ? source.scope : target.scope,
  });
  for (const b of statement.branches) {
    if ((b.action.k === 'insert') !== (b.when === 'NOT MATCHED')) {
      throw new SyntaxFault(`${b.action.k.toUpperCase()} is not allowed in the ${b.when} clause of MERGE`, b.at);
    }
  }
  const shared = { kind: 'merge', target: target.table } as const;
  const onlyInsert = statement.branches.length === 1 && statement.branches[0]!.when === 'NOT MATCHED';
  if (onlyInsert) {
    const branch = statement.branches[0]!;
    const { columns, values } = insertValues(branch, target, source, envFor(branch));
    const and = branch.and ? ` AND ${want(analyze(branch.and, envFor(branch)), BOOL, branch.and.at, 'MERGE clause').sql}` : '';
    const visible = target.filter ? ` AND ${target.filter}` : '';
    const text = `INSERT INTO ${target.physical} (${columns}) SELECT ${values.join(', ')} FROM ${source.sql} WHERE NOT EXISTS (SELECT 1 FROM ${target.physical} AS ${target.alias} WHERE ${on}${visible})${and}`;
    return {
      ...shared,
      statements: [{ effect: 'inserted', sql: duckSql(text, env) }],
      prechecks: [],
      insertsOnly: true,
      reads: readsOf(env),
    };
  }
  env.unit.scans.add(target.table, target.alias);
  const bySource = statement.branches.filter((b) => b.when === 'NOT MATCHED BY SOURCE');
  if (bySource.length === 0) env.unit.scans.filter(conjunctsOf(joined));
  else if (bySource.length === 1 && bySource[0]!.and && statement.on.k === 'bool' && !statement.on.value)
    env.unit.scans.filter(conjunctsOf(analyze(bySource[0]!.and, envFor(bySource[0]!))));
  const apart = unmatched(statement, target, source, envFor, env);
  if (apart) return { ...shared, ...apart, prechecks: [], reads: readsOf(env) };
  return { ...shared, ...general(statement, target, source, on, envFor, env), prechecks: [], reads: readsOf(env) };
}

/**
 * ON FALSE with a DELETE and an INSERT: nothing to join, so each is a statement of its own. The rows of an INSERT that looks at the target
 * come from the table as it was, which only the general way gives.
 */
function unmatched(statement: Merge, target: Target, source: Enclosed, envFor: (b: MergeBranch) => Env, env: Env) {
  const { on, branches } = statement;
  const of = (kind: MergeBranch['action']['k']) => branches.filter((b) => b.action.k === kind);
  const [gone, come] = [of('delete'), of('insert')];
  if (on.k !== 'bool' || on.value || gone.length !== 1 || come.length !== 1 || branches.length !== 2) return undefined;
  if (gone[0]!.when !== 'NOT MATCHED BY SOURCE') return undefined;
  const where = (b: MergeBranch, filter?: string) => {
    const and = b.and && want(analyze(b.and, envFor(b)), BOOL, b.and.at, 'MERGE clause').sql;
    const all = [filter, and].filter(Boolean);
    return all.length > 0 ? ` WHERE ${all.join(' AND ')}` : '';
  };
  const { columns, values } = insertValues(come[0]!, target, source, envFor(come[0]!));
  const from = `SELECT ${values.join(', ')} FROM ${source.sql}${where(come[0]!)}`;
  if ([target.physical, target.table.rows].some((rows) => rows && from.includes(rows))) return undefined;
  const old = `FROM ${target.physical} AS ${target.alias}${where(gone[0]!, target.filter)}`;
  const id = partitionId(target.table, target.alias);
  const covered = where(gone[0]!);
  // What a subquery reads, also one of a function, could move while the rows are exchanged.
  const whole = /\bSELECT\b/i.test(covered) ? undefined : wholeTable(statement.source, come[0]!, target, env);
  return {
    ...(id ? { partitions: duckSql(`SELECT DISTINCT ${id} AS id ${old}`, env) } : {}),
    statements: [
      { effect: 'deleted' as const, sql: duckSql(`DELETE ${old}`, env) },
      { effect: 'inserted' as const, sql: duckSql(`INSERT INTO ${target.physical} (${columns}) ${from}`, env) },
    ],
    insertsOnly: false,
    ...(whole && {
      exchange: {
        source: whole,
        going: (physical: string) => duckSql(`SELECT count(*) FROM ${physical} AS ${target.alias}${covered}`, env),
        removing: (physical: string) => duckSql(`DELETE FROM ${physical} AS ${target.alias}${covered}`, env),
      },
    }),
  };
}

/** The table that the source is, if an INSERT of its rows leaves each of them as it is. */
function wholeTable(from: From, branch: MergeBranch, target: Target, env: Env): CatalogTable | undefined {
  if (from.k !== 'path' || from.offset || from.asOf || branch.and || branch.action.k !== 'insert' || target.filter) return undefined;
  const source = findTable(from.path, env, from.at);
  const stored = (table: CatalogTable) => !table.temporary && table.kind === 'TABLE' && table.partitioning?.column !== '_PARTITIONTIME';
  if (!stored(source) || !stored(target.table) || source.rowFilters) return undefined;
  const columns = (table: CatalogTable) =>
    JSON.stringify(
      table.columns.map(({ name, type, required, maxLength, precision, scale }) => [name, type, required, maxLength, precision, scale]),
    );
  if (columns(source) !== columns(target.table)) return undefined;
  const alias = (from.alias ?? from.path.at(-1)!.split('.').at(-1)!).toLowerCase();
  const names = branch.action.columns ?? source.columns.map(({ name }) => name);
  if (names.length !== source.columns.length) return undefined;
  const named = (node: Node): string | undefined => {
    if (node.k === 'name') return node.name;
    return node.k === 'dot' && node.of.k === 'name' && node.of.name.toLowerCase() === alias ? node.name : undefined;
  };
  const given = branch.action.values?.map(named) ?? source.columns.map(({ name }) => name);
  return names.every((name, i) => given[i]?.toLowerCase() === name.toLowerCase()) ? source : undefined;
}

function general(statement: Merge, target: Target, source: Enclosed, on: string, envFor: (b: MergeBranch) => Env, env: Env) {
  const { branches } = statement;
  const has = (when: MergeBranch['when']) => branches.some((b) => b.when === when);
  const matchedRow = `${target.alias}.rowid IS NOT NULL AND ${source.marker} IS NOT NULL`;
  const state: Readonly<Record<MergeBranch['when'], string>> = {
    MATCHED: matchedRow,
    'NOT MATCHED': `${target.alias}.rowid IS NULL`,
    'NOT MATCHED BY SOURCE': `${source.marker} IS NULL`,
  };
  const cases: string[] = [];
  const columns: ((branch: string) => string)[] = [];
  const statements: { effect: 'inserted' | 'updated' | 'deleted' | 'none'; text: string }[] = [];
  const later: typeof statements = [];
  for (const [index, branch] of branches.entries()) {
    const k = index + 1;
    const inner = envFor(branch);
    const and = branch.and ? ` AND ${want(analyze(branch.and, inner), BOOL, branch.and.at, 'MERGE clause').sql}` : '';
    cases.push(`WHEN ${state[branch.when]}${and} THEN ${k}`);
    if (branch.action.k === 'delete') {
      statements.push({
        effect: 'deleted',
        text: `DELETE FROM ${target.physical} WHERE rowid IN (SELECT gs_m.r FROM ${TEMP} AS gs_m WHERE gs_m.gs_a = ${k})`,
      });
    } else if (branch.action.k === 'update') {
      const set = assignments(branch.action.set, target, inner);
      const written = new Map(set.map(({ column }, i) => [column.name, taken(k, i)]));
      columns.push(
        packed(
          k,
          set.map(({ sql }) => sql),
        ),
      );
      const stored = storedColumns(target.table);
      const row = stored.map(({ name }) => written.get(name) ?? `${target.alias}.${quote(name)}`);
      statements.push(
        {
          effect: 'none',
          text: `INSERT INTO ${target.physical} (${columnList(stored)}) SELECT ${row.join(', ')} FROM ${target.physical} AS ${target.alias} JOIN ${TEMP} AS gs_m ON ${target.alias}.rowid = gs_m.r WHERE gs_m.gs_a = ${k}`,
        },
        {
          effect: 'updated',
          text: `DELETE FROM ${target.physical} WHERE rowid IN (SELECT gs_m.r FROM ${TEMP} AS gs_m WHERE gs_m.gs_a = ${k})`,
        },
      );
    } else {
      const { columns: names, values } = insertValues(branch, target, source, inner);
      columns.push(packed(k, values));
      later.push({
        effect: 'inserted',
        text: `INSERT INTO ${target.physical} (${names}) SELECT ${values.map((_, i) => taken(k, i)).join(', ')} FROM ${TEMP} AS gs_m WHERE gs_m.gs_a = ${k}`,
      });
    }
  }
  const visible = target.filter
    ? `(SELECT *, rowid FROM ${target.physical} AS ${target.alias} WHERE ${target.filter}) AS ${target.alias}`
    : `${target.physical} AS ${target.alias}`;
  const join = has('NOT MATCHED BY SOURCE')
    ? `${visible} ${has('NOT MATCHED') ? 'FULL' : 'LEFT'} JOIN ${source.sql} ON ${on}`
    : `${source.sql} ${has('NOT MATCHED') ? 'LEFT' : 'INNER'} JOIN ${visible} ON ${on}`;
  const partition = partitionId(target.table, target.alias);
  const branch = `CASE ${cases.join(' ')} ELSE 0 END`;
  const list = [
    `${target.alias}.rowid AS r`,
    `${branch} AS gs_a`,
    ...(partition ? [`${partition} AS gs_p`] : []),
    ...columns.map((column) => column(/\bSELECT\b/.test(branch) ? `(${branch})` : 'gs_a')),
  ];
  const create = `CREATE OR REPLACE TEMP TABLE gs_merge AS SELECT ${list.join(', ')} FROM ${join} WHERE gs_a > 0`;
  const check = `SELECT gs_fail('${TOO_MANY}') FROM (SELECT gs_m.r FROM ${TEMP} AS gs_m WHERE gs_m.r IS NOT NULL GROUP BY gs_m.r HAVING count(*) > 1 LIMIT 1)`;
  const all = [
    { effect: 'none' as const, text: create },
    { effect: 'none' as const, text: check },
    ...(partition
      ? [{ effect: 'partitions' as const, text: `SELECT DISTINCT gs_m.gs_p FROM ${TEMP} AS gs_m WHERE gs_m.r IS NOT NULL` }]
      : []),
    ...statements,
    ...later,
    { effect: 'none' as const, text: `DROP TABLE ${TEMP}` },
  ];
  return { statements: all.map(({ effect, text }) => ({ effect, sql: duckSql(text, env) })), insertsOnly: false };
}

/**
 * The values of a branch, together: an alias is replaced by what it stands for wherever it is used, and beside each value the conditions of
 * all branches made planning take longer than the statement. Where these hold subqueries DuckDB refuses the alias.
 */
const packed = (k: number, values: readonly string[]) => (branch: string) =>
  `CASE WHEN ${branch} = ${k} THEN struct_pack(${values.map((sql, i) => `v${i} := ${sql}`).join(', ')}) END AS b${k}`;
const taken = (k: number, i: number) => `struct_extract(gs_m.b${k}, 'v${i}')`;

function insertValues(branch: MergeBranch, target: Target, source: Enclosed, env: Env): { columns: string; values: string[] } {
  if (branch.action.k !== 'insert') throw new SyntaxFault('INSERT expected', branch.at);
  const { table } = target;
  const { columns: names, values: nodes } = branch.action;
  const named: Column[] = names ? names.map((n) => columnOf(table, n, branch.at)) : [...table.columns];
  let values: string[];
  if (nodes) {
    if (nodes.length !== named.length)
      throw new SyntaxFault(`Inserted row has wrong column count; Has ${nodes.length}, expected ${named.length}`, branch.at);
    values = nodes.map((node, i) => valueFor(node, named[i]!, env));
  } else {
    // INSERT ROW: by position when the source's columns are as many, checked by type.
    const row = source.scope.columns.filter((c) => !c.hidden);
    if (row.length !== named.length)
      throw new SyntaxFault(`Inserted row has wrong column count; Has ${row.length}, expected ${named.length}`, branch.at);
    values = row.map((c, i) => assigned(raw(c.type, c.sql), named[i]!, branch.at));
  }
  const others = storedColumns(table).filter((c) => !named.some((n) => n.name === c.name));
  return { columns: columnList([...named, ...others]), values: [...values, ...others.map((c) => defaultOf(c, env, branch.at))] };
}

interface Enclosed extends Source {
  /** Not NULL on every row of the source. */
  readonly marker: string;
}
/** The source as one subquery with a marker column, its scope redirected. */
function enclose(source: Source, env: Env): Enclosed {
  const alias = env.unit.alias();
  const items = new Map<string, string>();
  const move = (sql: string): string => {
    let name = items.get(sql);
    if (!name) {
      name = `x${items.size + 1}`;
      items.set(sql, name);
    }
    return `${alias}.${name}`;
  };
  const moved = new Map<string, ScopeColumn>();
  const column = (c: ScopeColumn, value?: RangeVariable['value']): ScopeColumn => {
    const known = moved.get(c.sql);
    if (known) return { ...known, name: c.name };
    const sql = value && c.sql.includes(value.sql) ? c.sql.replace(value.sql, () => move(value.sql)) : move(c.sql);
    const out = { ...c, sql };
    moved.set(c.sql, out);
    return out;
  };
  const ranges = source.scope.ranges.map((r): RangeVariable => {
    const columns = r.columns.map((c) => column(c, r.value));
    return { alias: r.alias, columns, ...(r.value && { value: { ...r.value, sql: move(r.value.sql) } }) };
  });
  const columns = source.scope.columns.map((c) => column(c));
  const list = [...[...items].map(([sql, name]) => `${sql} AS ${name}`), 'true AS gs_s'];
  return {
    sql: `(SELECT ${list.join(', ')} FROM ${source.sql}) AS ${alias}`,
    scope: { parent: undefined, ranges, columns },
    marker: `${alias}.gs_s`,
  };
}
