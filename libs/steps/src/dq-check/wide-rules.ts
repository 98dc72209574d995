/** Rules that look at a table as a whole: counts, uniqueness, freshness, totals, drift, and how today compares with before. */
import type { SqlParameter } from '@convergence/ports';
import { totalsOf, withinTolerance } from '../control-totals.ts';
import { StepFailure } from '../failure.ts';
import { quoted, tableIn } from '../sql.ts';
import type { StepContext } from '../step.ts';
import type { Columns } from './compile.ts';
import type { Rule } from './config.ts';
import type { Finding } from './findings.ts';

export interface Scope {
  readonly table: string;
  readonly where: string;
  readonly parameters: Readonly<Record<string, SqlParameter>>;
  readonly columns: Columns;
  /** Where the check is of a day: the column that says so, and which. */
  readonly day: { readonly column: string; readonly type: string; readonly date: string } | undefined;
}
type Found = Pick<Finding, 'passed' | 'rowsChecked' | 'rowsFailed' | 'expected' | 'actual'>;

export async function wideRule(context: StepContext, scope: Scope, rule: Rule): Promise<Found | undefined> {
  const { warehouse, tenant, signal } = context;
  const one = async (sql: string, parameters: Readonly<Record<string, SqlParameter>> = {}) => {
    const { rows } = await warehouse.run({
      sql,
      parameters: { ...scope.parameters, ...parameters },
      defaultDataset: tenant.dataset,
      signal,
    });
    return rows[0] ?? {};
  };
  const from = `${tableIn(tenant.dataset, scope.table)} AS x_row WHERE ${scope.where}`;
  switch (rule.rule) {
    case 'unique': {
      for (const column of rule.columns) scope.columns.type(column);
      const keys = rule.columns.map(quoted).join(', ');
      const row = await one(
        `SELECT IFNULL(SUM(n), 0) AS n_all, IFNULL(SUM(IF(n > 1, n - 1, 0)), 0) AS n_double FROM (SELECT COUNT(*) AS n FROM ${from} GROUP BY ${keys}) AS g`,
      );
      const failed = Number(row.n_double);
      return {
        passed: failed === 0,
        rowsChecked: Number(row.n_all),
        rowsFailed: failed,
        expected: 'no duplicates',
        actual: `${failed} duplicates`,
      };
    }
    case 'row_count': {
      const n = Number((await one(`SELECT COUNT(*) AS n FROM ${from}`)).n);
      const passed = n >= (rule.min ?? 0) && n <= (rule.max ?? Number.POSITIVE_INFINITY);
      return { passed, rowsChecked: n, rowsFailed: null, expected: `${rule.min ?? 0} to ${rule.max ?? 'any'}`, actual: String(n) };
    }
    case 'freshness': {
      const type = scope.columns.type(rule.column);
      const at = type === 'DATE' ? `TIMESTAMP(MAX(${quoted(rule.column)}))` : `MAX(${quoted(rule.column)})`;
      const row = await one(
        `SELECT COUNT(*) AS n, CAST(${at} AS STRING) AS newest, TIMESTAMP_DIFF(@x_now, ${type === 'DATETIME' ? `TIMESTAMP(${at})` : at}, SECOND) AS age FROM ${from}`,
        {
          x_now: { type: 'TIMESTAMP', value: new Date(context.clock.now()).toISOString() },
        },
      );
      const age = row.age === null || row.age === undefined ? undefined : Number(row.age) / 3600;
      return {
        passed: age !== undefined && age <= rule.max_age_hours,
        rowsChecked: Number(row.n),
        rowsFailed: null,
        expected: `at most ${rule.max_age_hours} hours old`,
        actual: age === undefined ? 'no rows' : `${age.toFixed(1)} hours`,
      };
    }
    case 'matches_control_total': {
      const source = context.outcomeOf(rule.of)?.totals?.source;
      if (!source)
        throw new StepFailure('schema', 'dq.no_control_totals', `Step ${rule.of} recorded no control totals.`, {
          hint: 'It must be a step that writes a table.',
        });
      const column = rule.source_column ?? (rule.column in source.sums ? rule.column : undefined);
      const expected = rule.column === 'rows' ? String(source.rows) : column === undefined ? undefined : (source.sums[column] ?? '0');
      if (expected === undefined)
        throw new StepFailure(
          'schema',
          'dq.no_control_totals',
          `Step ${rule.of} recorded no total of ${rule.source_column ?? rule.column}.`,
          { hint: `It has ${Object.keys(source.sums).join(', ') || 'none'}; name one as source_column.` },
        );
      const own = await totalsOf(warehouse, {
        from: tableIn(tenant.dataset, scope.table),
        where: scope.where,
        columns: rule.column === 'rows' ? [] : [rule.column],
        timeColumn: undefined,
        parameters: scope.parameters,
        dataset: tenant.dataset,
        signal,
      });
      const actual = rule.column === 'rows' ? String(own.rows) : (own.sums[rule.column] ?? '0');
      return {
        passed: withinTolerance(expected, actual, String(rule.tolerance ?? 0)),
        rowsChecked: own.rows,
        rowsFailed: null,
        expected,
        actual,
      };
    }
    case 'no_schema_drift': {
      const now = new Map(scope.columns.list.filter((c) => !c.name.startsWith('x_')).map((c) => [c.name.toLowerCase(), c.type]));
      const wanted = rule.columns
        ? Object.fromEntries(Object.entries(rule.columns).map(([k, v]) => [k.toLowerCase(), v]))
        : await lastSeenColumns(context, scope.table);
      if (!wanted) return { passed: true, rowsChecked: null, rowsFailed: null, expected: 'first time', actual: describe(now) };
      const before = new Map(Object.entries(wanted));
      const changes = [
        ...[...before].filter(([name]) => !now.has(name)).map(([name]) => `${name} is gone`),
        ...[...before]
          .filter(([name, type]) => now.has(name) && now.get(name) !== type)
          .map(([name, type]) => `${name} was ${type} and is ${now.get(name)}`),
        ...[...now.keys()].filter((name) => !before.has(name)).map((name) => `${name} is new`),
      ];
      return {
        passed: changes.length === 0,
        rowsChecked: null,
        rowsFailed: null,
        expected: describe(before),
        actual: changes.length === 0 ? describe(now) : changes.join('; '),
      };
    }
    case 'anomaly':
      return anomaly(context, scope, rule);
    default:
      return undefined;
  }
}

const describe = (columns: ReadonlyMap<string, string>): string => [...columns].map(([name, type]) => `${name} ${type}`).join(', ');

/** What the check of the run before saw: its own result is the memory. */
async function lastSeenColumns(
  { warehouse, tenant, run, signal }: StepContext,
  table: string,
): Promise<Record<string, string> | undefined> {
  const { rows } = await warehouse.run({
    sql: `SELECT actual FROM \`x_meta_dq_results\` WHERE target_table = @table AND rule = 'no_schema_drift' AND status = 'passed' AND pipeline_id = @pipeline AND pipeline_logging_id != @run
ORDER BY validation_timestamp DESC LIMIT 1`,
    parameters: {
      table: { type: 'STRING', value: table },
      pipeline: { type: 'STRING', value: run.pipeline_id },
      run: { type: 'STRING', value: run.run_id },
    },
    defaultDataset: tenant.dataset,
    signal,
  });
  const text = rows[0]?.actual;
  if (typeof text !== 'string') return undefined;
  return Object.fromEntries(columnsIn(text).map(([name = '', ...type]) => [name, type.join(' ')]));
}

/** `a INT64, b STRUCT<c INT64, d STRING>` as its two columns: types have commas of their own inside angle brackets. */
function columnsIn(text: string): string[][] {
  let depth = 0;
  const parts = [''];
  for (const sign of text) {
    depth += sign === '<' ? 1 : sign === '>' ? -1 : 0;
    if (sign === ',' && depth === 0) parts.push('');
    else parts.push(parts.pop() + sign);
  }
  return parts.map((part) => part.trim().split(' '));
}

/** The day against the days before it: more standard deviations away than allowed is an anomaly; fewer than three days say nothing. */
async function anomaly(context: StepContext, scope: Scope, rule: Extract<Rule, { rule: 'anomaly' }>): Promise<Found> {
  const { warehouse, tenant, signal } = context;
  if (!scope.day)
    throw new StepFailure('schema', 'dq.anomaly_unit', 'An anomaly is found by comparing days: the unit of the check must be a day.', {
      hint: 'Set unit: { day: "{date}", column: ... }.',
    });
  if (rule.metric === 'sum' && rule.column === undefined)
    throw new StepFailure('schema', 'dq.anomaly_column', 'An anomaly of a sum needs its column.');
  const day = scope.day.type === 'DATE' ? quoted(scope.day.column) : `DATE(${quoted(scope.day.column)})`;
  const metric = rule.metric === 'sum' ? `CAST(SUM(${quoted(rule.column as string)}) AS FLOAT64)` : 'CAST(COUNT(*) AS FLOAT64)';
  const { rows } = await warehouse.run({
    sql: `WITH days AS (SELECT ${day} AS d, ${metric} AS v FROM ${tableIn(tenant.dataset, scope.table)} AS x_row WHERE ${day} > DATE_SUB(@x_day, INTERVAL @x_window DAY) AND ${day} <= @x_day GROUP BY 1)
SELECT COUNTIF(d < @x_day) AS n, AVG(IF(d < @x_day, v, NULL)) AS mean, STDDEV_SAMP(IF(d < @x_day, v, NULL)) AS spread, MAX(IF(d = @x_day, v, NULL)) AS today FROM days`,
    parameters: { x_day: { type: 'DATE', value: scope.day.date }, x_window: { type: 'INT64', value: (rule.window_days ?? 14) + 1 } },
    defaultDataset: tenant.dataset,
    signal,
  });
  const row = rows[0] ?? {};
  const [n, mean, spread, today] = [Number(row.n ?? 0), Number(row.mean ?? 0), Number(row.spread ?? 0), Number(row.today ?? 0)];
  if (n < 3) return { passed: true, rowsChecked: n, rowsFailed: null, expected: 'at least 3 days to compare with', actual: `${n} days` };
  const allowed = (rule.max_deviations ?? 3) * Math.max(spread, Math.abs(mean) * 0.01);
  return {
    passed: Math.abs(today - mean) <= allowed,
    rowsChecked: n,
    rowsFailed: null,
    expected: `${(mean - allowed).toFixed(2)} to ${(mean + allowed).toFixed(2)}`,
    actual: today.toFixed(2),
  };
}
