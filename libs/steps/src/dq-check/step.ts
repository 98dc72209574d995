/**
 * Data quality rules over a table, or the unit of it that the run wrote.
 *
 * 1. One row for each rule in x_meta_dq_results, written once however often the step is repeated. 2. All rules are looked at before the
 * step fails. 3. A sample shows a few failing rows without anything that looks like a secret.
 */
import { createHash } from 'node:crypto';
import type { SqlParameter } from '@convergence/ports';
import { StepFailure } from '../failure.ts';
import type { Unit } from '../fields.ts';
import { bind, mustBeReadable, quoted, tableIn } from '../sql.ts';
import type { StepCode, StepContext } from '../step.ts';
import { unitOf } from '../target.ts';
import { type Columns, columnsOf, type RowRule, rowRule } from './compile.ts';
import type { DqCheckConfig, Rule } from './config.ts';
import { columnOfRule, type Finding, statusOf } from './findings.ts';
import { focusRules } from './focus-rules.ts';
import { type Scope, wideRule } from './wide-rules.ts';

const SAMPLE_ROWS = 5;
const SECRET =
  /secret|token|passw|passphrase|pwd|(api|access|account|shared)_?key|private|credential|authoriz|connection_?string|cookie|signature/i;
/** What is no text, nor becomes one by a CAST. */
const NO_TEXT = /^(ARRAY|STRUCT|JSON|BYTES|GEOGRAPHY)/;

export const dqCheck: StepCode = async (context) => {
  const config = context.config as DqCheckConfig;
  const { warehouse, tenant } = context;
  const list = await warehouse.columnsOf(tenant.dataset, config.table);
  if (!list)
    throw new StepFailure('source_not_ready', 'dq.table_missing', `There is no table ${config.table}.`, {
      hint: 'The step that writes it must come before.',
    });
  const columns = columnsOf(list);
  const scope = scopeOf(context, config, columns);
  const findings: Finding[] = [...(await rowFindings(context, scope, config.rules))];
  for (const rule of config.rules) {
    const found = await wideRule(context, scope, rule);
    if (found)
      findings.push({
        rule: rule.rule,
        column: columnOfRule(rule),
        severity: rule.severity ?? 'error',
        sample: [],
        asWritten: rule,
        ...found,
      });
  }
  await context.crashPoint('checked');
  await record(context, config.table, findings);
  await context.crashPoint('recorded');
  const failed = findings.filter((f) => statusOf(f) === 'failed');
  const warned = findings.filter((f) => statusOf(f) === 'warned').length;
  if (failed.length > 0) {
    const told = failed
      .slice(0, 5)
      .map(
        (f) =>
          `${f.rule}${f.column ? ` of ${f.column}` : ''}: ${f.rowsFailed === null ? `${f.actual} instead of ${f.expected}` : `${f.rowsFailed} of ${f.rowsChecked} rows`}`,
      );
    throw new StepFailure('data_quality', 'dq.failed', `${failed.length} of ${findings.length} rules failed: ${told.join('; ')}.`, {
      hint: 'The rows are in the table; see x_meta_dq_results for samples.',
    });
  }
  return {
    rows: findings.find((f) => f.rowsChecked !== null)?.rowsChecked ?? null,
    outputs: { rules: findings.length, failed: 0, warned },
  };
};

/** The unit's column is named, or that of the step that writes the table. */
function scopeOf(context: StepContext, config: DqCheckConfig, columns: Columns): Scope {
  const unit = config.unit;
  if (!unit || 'table' in unit || 'keys' in unit) return { table: config.table, where: 'TRUE', parameters: {}, columns, day: undefined };
  const writer = context.template.steps.find((step) => step.with.to === config.table);
  const written = writer?.with.unit as { column?: string } | undefined;
  const column = unit.column ?? written?.column ?? (writer?.with.partition_by as string | undefined);
  if (column === undefined)
    throw new StepFailure('schema', 'template.unit_column', 'The unit is a period, but no column says which rows lie in it.', {
      hint: 'Set unit.column.',
    });
  const named: Unit = { ...unit, column };
  const resolved = unitOf({ to: config.table, unit: named }, { table: config.table, columns: columns.list });
  return {
    table: config.table,
    where: resolved.where?.() ?? 'TRUE',
    parameters: resolved.parameters ?? {},
    columns,
    day: 'day' in unit ? { column, type: columns.type(column), date: unit.day } : undefined,
  };
}

interface Predicate {
  readonly rule: Rule;
  readonly name: string;
  readonly column: string | null;
  readonly row: RowRule | undefined;
  readonly expected: string;
}

function predicates(context: StepContext, scope: Scope, rules: readonly Rule[]): Predicate[] {
  return rules.flatMap((rule, n): Predicate[] => {
    if (rule.rule === 'focus')
      return focusRules(scope.columns, rule.columns).map((focus) => ({
        rule,
        name: focus.id,
        column: focus.column,
        row:
          focus.predicate === undefined ? undefined : { kind: 'row', predicate: focus.predicate, parameters: {}, expected: focus.expected },
        expected: focus.expected,
      }));
    const made = rowRule(rule, n, scope.columns, context.tenant.dataset);
    if (!made) return [];
    if (rule.rule === 'sql') mustBeReadable(rule.predicate, context);
    const own = rule.rule === 'sql' ? bind(made.predicate, context.template, context.variables) : undefined;
    const row = own ? { ...made, predicate: own.sql, parameters: own.parameters } : made;
    return [
      { rule, name: rule.rule === 'sql' ? (rule.name ?? 'sql') : rule.rule, column: columnOfRule(rule), row, expected: made.expected },
    ];
  });
}

/** All row rules in one statement; then a sample for each that failed. */
async function rowFindings(context: StepContext, scope: Scope, rules: readonly Rule[]): Promise<Finding[]> {
  const all = predicates(context, scope, rules);
  const rowed = all.filter((p) => p.row);
  const { warehouse, tenant, signal } = context;
  const parameters: Record<string, SqlParameter> = Object.assign({}, scope.parameters, ...rowed.map((p) => p.row?.parameters ?? {}));
  let counts: Readonly<Record<string, unknown>> = {};
  if (rowed.length > 0) {
    const tests = rowed.map((p, i) => `COUNTIF((${p.row?.predicate}) IS NOT TRUE) AS f${i}`);
    const { rows } = await warehouse.run({
      sql: `SELECT COUNT(*) AS n, ${tests.join(',\n  ')}\nFROM ${tableIn(tenant.dataset, scope.table)} AS x_row WHERE ${scope.where}`,
      parameters,
      defaultDataset: tenant.dataset,
      signal,
    });
    counts = rows[0] ?? {};
  }
  const findings: Finding[] = [];
  for (const p of all) {
    const failed = p.row ? Number(counts[`f${rowed.indexOf(p)}`] ?? 0) : null;
    const base = { rule: p.name, column: p.column, severity: p.rule.severity ?? 'error', expected: p.expected, asWritten: p.rule } as const;
    if (!p.row) findings.push({ ...base, passed: false, rowsChecked: null, rowsFailed: null, actual: 'missing', sample: [] });
    else {
      const sample = failed && p.rule.sample !== false ? await sampleOf(context, scope, p.row) : [];
      findings.push({
        ...base,
        passed: failed === 0,
        rowsChecked: Number(counts.n ?? 0),
        rowsFailed: failed,
        actual: `${failed} rows`,
        sample,
      });
    }
  }
  return findings;
}

async function sampleOf({ warehouse, tenant, signal }: StepContext, scope: Scope, rule: RowRule): Promise<unknown[]> {
  const shown = scope.columns.list.filter((c) => !SECRET.test(c.name) && !NO_TEXT.test(c.type)).slice(0, 20);
  if (shown.length === 0) return [];
  const { rows } = await warehouse.run({
    sql: `SELECT ${shown.map((c) => `SUBSTR(CAST(${quoted(c.name)} AS STRING), 1, 100) AS ${quoted(c.name)}`).join(', ')}
FROM ${tableIn(tenant.dataset, scope.table)} AS x_row WHERE ${scope.where} AND (${rule.predicate}) IS NOT TRUE LIMIT ${SAMPLE_ROWS}`,
    parameters: { ...scope.parameters, ...rule.parameters },
    defaultDataset: tenant.dataset,
    signal,
  });
  return [...rows];
}

const RESULT_FIELDS = [
  'dq_result_id',
  'rule',
  'column_name',
  'severity',
  'status',
  'expected',
  'actual',
  'sample',
  'validation_rules',
] as const;

async function record(context: StepContext, table: string, findings: readonly Finding[]): Promise<void> {
  const { run, step, tenant, clock } = context;
  const at = new Date(clock.now()).toISOString();
  const overall = findings.some((f) => statusOf(f) === 'failed')
    ? 'FAIL'
    : findings.some((f) => statusOf(f) === 'warned')
      ? 'WARN'
      : 'PASS';
  const text = (value: string): SqlParameter => ({ type: 'STRING', value });
  const rows = findings.map((f, i) => ({
    dq_result_id: createHash('sha256').update(`${run.run_id}/${step.id}/${i}`).digest('hex').slice(0, 32),
    rule: f.rule,
    column_name: f.column,
    severity: f.severity,
    status: statusOf(f),
    expected: f.expected,
    actual: f.actual,
    sample: JSON.stringify(f.sample),
    validation_rules: JSON.stringify(f.asWritten),
    rows_checked: f.rowsChecked,
    rows_failed: f.rowsFailed,
  }));
  await context.warehouse.run({
    sql: `MERGE ${tableIn(tenant.dataset, 'x_meta_dq_results')} AS t
USING (SELECT * FROM UNNEST(@rows)) AS s
ON t.dq_result_id = s.dq_result_id AND t.pipeline_logging_id = @run_id
WHEN NOT MATCHED THEN INSERT (dq_result_id, tenant_id, pipeline_logging_id, pipeline_id, user_id, step_name, target_table, rule, \`column\`, severity, status,
  rows_checked, rows_failed, expected, actual, sample, validation_rules, overall_status, validation_timestamp, ingestion_date)
VALUES (s.dq_result_id, @tenant_id, @run_id, @pipeline_id, @user_id, @step, @table, s.rule, s.column_name, s.severity, s.status,
  s.rows_checked, s.rows_failed, s.expected, s.actual, PARSE_JSON(s.sample), PARSE_JSON(s.validation_rules), @overall, @at, DATE(@at))`,
    parameters: {
      rows: {
        type: `ARRAY<STRUCT<${RESULT_FIELDS.map((name) => `${name} STRING`).join(', ')}, rows_checked INT64, rows_failed INT64>>`,
        value: rows,
      },
      run_id: text(run.run_id),
      tenant_id: text(run.tenant_id),
      pipeline_id: text(run.pipeline_id),
      user_id: { type: 'STRING', value: run.user_id },
      step: text(step.id),
      table: text(table),
      overall: text(overall),
      at: { type: 'TIMESTAMP', value: at },
    },
    defaultDataset: tenant.dataset,
    signal: context.signal,
  });
}
