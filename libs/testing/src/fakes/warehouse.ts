import type { ColumnSpec, Row, Statement, StatementResult, TableSpec, ViewSpec, Warehouse } from '@convergence/ports';

type Answer = readonly Row[] | { readonly rows?: readonly Row[]; readonly affectedRows?: number } | Error;
export interface FakeWarehouse extends Warehouse {
  readonly datasets: ReadonlyMap<string, ReadonlyMap<string, TableSpec | ViewSpec>>;
  readonly statements: readonly Statement[];
  /** `acme: x@example.com may write` */
  readonly granted: ReadonlySet<string>;
  readonly appended: ReadonlyMap<string, readonly Readonly<Record<string, unknown>>[]>;
  /** What a statement whose text fits is answered; the newest fitting answer wins. A statement that nobody foresaw throws. */
  answer(fits: RegExp, answer: Answer | ((statement: Statement) => Answer)): void;
}

/** Datasets, tables and appended rows in memory; it understands no SQL: tests say what a statement is answered. */
export function fakeWarehouse(): FakeWarehouse {
  const datasets = new Map<string, Map<string, TableSpec | ViewSpec>>();
  const statements: Statement[] = [];
  const granted = new Set<string>();
  const appended = new Map<string, Readonly<Record<string, unknown>>[]>();
  const answers: { fits: RegExp; answer: Answer | ((statement: Statement) => Answer) }[] = [];
  const dataset = (name: string) => {
    const found = datasets.get(name);
    if (!found) throw new Error(`no such dataset: ${name}`);
    return found;
  };
  const make = (name: string, spec: TableSpec | ViewSpec): boolean => {
    const there = dataset(name).has(spec.name);
    if (!there) dataset(name).set(spec.name, spec);
    return !there;
  };
  async function run(statement: Statement): Promise<StatementResult> {
    statement.signal?.throwIfAborted();
    statements.push(statement);
    const fitting = answers.findLast((a) => a.fits.test(statement.sql));
    if (!fitting) throw new Error(`fakeWarehouse has no answer for: ${statement.sql}`);
    const answer = typeof fitting.answer === 'function' ? fitting.answer(statement) : fitting.answer;
    if (answer instanceof Error) throw answer;
    const { rows = [], affectedRows } = Array.isArray(answer)
      ? { rows: answer as readonly Row[] }
      : (answer as { rows?: readonly Row[]; affectedRows?: number });
    return { rows, affectedRows, bytesProcessed: 0n, jobId: statement.jobId };
  }
  return {
    project: 'convergence-test',
    datasets,
    statements,
    granted,
    appended,
    answer(fits, answer) {
      answers.push({ fits, answer });
    },
    run,
    async dryRun() {
      return { bytesProcessed: 0n, schema: [] };
    },
    async *pages(statement, pageSize) {
      const { rows } = await run(statement);
      for (let i = 0; i < rows.length; i += pageSize) yield rows.slice(i, i + pageSize);
    },
    async createDataset(name) {
      if (datasets.has(name)) return false;
      datasets.set(name, new Map());
      return true;
    },
    createTable: async (name, table) => make(name, table),
    createView: async (name, view) => make(name, view),
    async grant({ dataset: name }, right, accounts) {
      dataset(name);
      const missing = accounts.map((account) => `${name}: ${account} may ${right}`).filter((entry) => !granted.has(entry));
      for (const entry of missing) granted.add(entry);
      return missing.length > 0;
    },
    async dropDataset(name) {
      datasets.delete(name);
    },
    datasetExists: async (name) => datasets.has(name),
    async columnsOf(name, table) {
      const spec = datasets.get(name)?.get(table);
      if (!spec || !('columns' in spec)) return undefined;
      return spec.columns.map((c) => ({ name: c.name, type: c.type, mode: c.required ? 'REQUIRED' : 'NULLABLE' }));
    },
    async addColumns(name, table, columns: readonly ColumnSpec[]) {
      const spec = dataset(name).get(table);
      if (!spec || !('columns' in spec)) throw new Error(`no such table: ${name}.${table}`);
      dataset(name).set(table, { ...spec, columns: [...spec.columns, ...columns] });
    },
    async append(name, table, rows) {
      if (!dataset(name).has(table)) throw new Error(`no such table: ${name}.${table}`);
      const kept = appended.get(`${name}.${table}`) ?? [];
      kept.push(...rows);
      appended.set(`${name}.${table}`, kept);
    },
    async load() {
      throw new Error('fakeWarehouse loads no files: use local-cloud');
    },
    async check() {},
    async close() {},
  };
}
