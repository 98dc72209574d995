/**
 * Dry-runs the SQL of templates in a scratch dataset, and what their steps ask about the columns that it gives: units, keys, totals, data
 * quality rules. A query may read what steps before it write, and what other templates do, so each target is made, empty, with the columns
 * that its step would give; a template that misses a table is tried again after the others. What columns an export has that no template
 * names is known when it is there: nothing is said of what reads it. So it is with a table elsewhere, which counts with its own columns
 * where it can be seen from here.
 */
import { randomUUID } from 'node:crypto';
import {
  BUILT_IN_VARIABLES,
  identifierVariables,
  lineOfStep,
  parametersIn,
  problemText,
  quotedTable,
  resolveSql,
  resolveText,
  type StepSpec,
  sqlTypeOf,
  type Template,
  type Variables,
  type VariableValue,
} from '@convergence/pipelines';
import { type SqlParameter, type Warehouse, WarehouseError } from '@convergence/ports';
import {
  LINEAGE,
  replaceUnit,
  SAMPLE_DATASET,
  STEP_TYPES,
  STEPS,
  StepFailure,
  type StepOutcome,
  stageQuery,
  stagingTable,
} from '@convergence/steps';
import { dqResults } from '@convergence/tables';
import { BILLING_EXPORT_COLUMNS } from '../sample-data/billing-export.ts';
import { BILLING_TABLE } from '../sample-data.ts';
import { rehearsal } from './rehearsal.ts';

const SAMPLES: Readonly<Record<string, string | number | boolean>> = {
  DATE: '2025-01-01',
  INT64: 1,
  NUMERIC: '1',
  BOOL: true,
  STRING: 'x',
};
/** The sample, which need not be installed, and what stands for every table that can not be seen from here. */
const SAMPLE_TABLE = 'x_sample';
const UNSEEN_TABLE = 'x_unseen';
type Columns = readonly { readonly name: string; readonly type: string }[];

interface Problem {
  readonly text: string;
  /** A table that nobody made yet. */
  readonly missing: boolean;
}
interface Scratch {
  readonly warehouse: Warehouse;
  readonly dataset: string;
  /** Tables that will be there with columns that nobody knows now, or when a mistake that was said is mended. */
  readonly unknown: Set<string>;
}

export async function checkSql(warehouse: Warehouse, templates: readonly Template[]): Promise<string[]> {
  const dataset = `x_check_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
  const scratch: Scratch = { warehouse, dataset, unknown: new Set([UNSEEN_TABLE]) };
  const texts: string[] = [];
  await warehouse.createDataset(dataset, { location: 'US', description: 'Scratch for checking templates.' });
  try {
    await warehouse.createTable(dataset, dqResults);
    await make(scratch, SAMPLE_TABLE, BILLING_EXPORT_COLUMNS);
    for (let waiting = templates, last = false; waiting.length > 0; ) {
      const again: Template[] = [];
      for (const template of waiting) {
        const problems = await problemsOf(scratch, template);
        if (!last && problems.some((problem) => problem.missing)) again.push(template);
        else texts.push(...problems.map((problem) => problem.text));
      }
      last = again.length === waiting.length;
      waiting = again;
    }
  } finally {
    await warehouse.dropDataset(dataset);
  }
  return texts;
}

const make = ({ warehouse, dataset }: Scratch, name: string, columns: Columns) =>
  warehouse.createTable(dataset, {
    name,
    description: 'Scratch.',
    columns: columns.map((c) => ({ name: c.name, type: c.type, description: 'Scratch.' })),
  });

async function problemsOf(scratch: Scratch, template: Template): Promise<Problem[]> {
  const problems: Problem[] = [];
  const outcomes = new Map<string, StepOutcome>();
  const variables = await variablesOf(scratch, template);
  for (const step of template.steps) {
    try {
      const outcome = await rehearsed(scratch, template, step, variables, outcomes);
      if (outcome) outcomes.set(step.id, outcome);
    } catch (error) {
      // Without rows some rules fail.
      if (error instanceof StepFailure && error.errorClass === 'data_quality') continue;
      const missing =
        error instanceof WarehouseError ? error.reason === 'notFound' : error instanceof StepFailure && error.code === 'dq.table_missing';
      const message = (error as Error).message;
      const follows = missing && [...scratch.unknown].some((table) => new RegExp(`\\b${table}\\b`).test(message));
      if (typeof step.with.to === 'string') scratch.unknown.add(step.with.to);
      if (follows) continue;
      const file = step.with.sql_file === undefined ? '' : ` (${String(step.with.sql_file)})`;
      const hint = error instanceof StepFailure && error.hint ? ` ${error.hint}` : '';
      const text = `step "${step.id}"${file}: ${message}${hint}`;
      problems.push({
        text: problemText({ file: template.file, line: lineOfStep(template, step.id), message: text, suggestion: undefined }),
        missing,
      });
    }
  }
  return problems;
}

async function rehearsed(
  scratch: Scratch,
  template: Template,
  step: StepSpec,
  variables: Variables,
  outcomes: ReadonlyMap<string, StepOutcome>,
): Promise<StepOutcome | undefined> {
  const { warehouse, dataset, unknown } = scratch;
  const context = rehearsal(warehouse, dataset, template, step, variables, outcomes);
  if (step.type === 'dq.check') return STEPS[step.type]?.(context);
  const config = context.config as { readonly to?: string; readonly from: string };
  if (config.to === undefined) return undefined;
  const source = step.type === 'bigquery.copy' ? await sourceOf(scratch, config.from) : undefined;
  const query = source === undefined ? sqlOf(step, template) : copyingSql(step, source);
  const bound = query === undefined ? undefined : boundTo(scratch, template, variables, query);
  const columns = bound ? (await warehouse.dryRun(bound)).schema : namedColumns(step);
  if (!columns) {
    unknown.add(config.to);
    return undefined;
  }
  if (columns.length === 0) throw new StepFailure('schema', 'template.no_query', 'The SQL gives no columns: it must be one query.');
  const { watermark } = step.with;
  if (typeof watermark === 'string')
    await warehouse.dryRun(boundTo(scratch, template, variables, `SELECT MAX(\`${watermark}\`) FROM ${source}`));
  const own = columns.filter((column) => !LINEAGE.some(({ name }) => name === column.name.toLowerCase()));
  const staged = { table: stagingTable(context), columns: [...own, ...LINEAGE] };
  await make(scratch, staged.table, staged.columns);
  unknown.delete(config.to);
  if (bound) await stageQuery(context, bound.sql, bound.parameters, columns);
  return replaceUnit(context, { ...config, to: config.to }, staged);
}

/** What a step reads by SQL, if it does. */
function sqlOf(step: StepSpec, template: Template): string | undefined {
  const { sql, sql_file } = step.with as { sql?: string; sql_file?: string };
  return (sql ?? template.sqlFiles[sql_file ?? ''])?.trim().replace(/;$/, '');
}

function copyingSql(step: StepSpec, source: string): string {
  const { filter, columns } = step.with as { filter?: string; columns?: readonly string[] };
  const copied = columns?.map((name) => `\`${name}\``).join(', ') ?? '*';
  return `SELECT ${copied} FROM ${source}${filter === undefined ? '' : ` WHERE ${filter}`}`;
}

async function sourceOf(scratch: Scratch, from: string): Promise<string> {
  const source = quotedTable(await nameHere(scratch, from));
  if (source === undefined) throw new StepFailure('schema', 'step.source_name', `${JSON.stringify(from)} is no table name.`);
  return source;
}

/** The name by which a table is asked here. */
async function nameHere({ warehouse, dataset }: Scratch, table: string): Promise<string> {
  const [quoted, parts] = [quotedTable(table), table.split('.')];
  if (table === `${SAMPLE_DATASET}.${BILLING_TABLE}`) return `${dataset}.${SAMPLE_TABLE}`;
  if (quoted === undefined || parts.length === 1 || parts[0] === dataset) return table;
  try {
    await warehouse.dryRun({ sql: `SELECT * FROM ${quoted}` });
    return table;
  } catch (error) {
    if (error instanceof WarehouseError) return `${dataset}.${UNSEEN_TABLE}`;
    throw error;
  }
}

/** Undefined when only its source knows. */
function namedColumns(step: StepSpec): Columns | undefined {
  const { columns } = step.with as { columns?: Record<string, { type: string } | string> };
  return columns && Object.entries(columns).map(([name, c]) => ({ name, type: typeof c === 'string' ? c : c.type }));
}

function boundTo({ dataset }: Scratch, template: Template, variables: Variables, text: string) {
  const parameters: Record<string, SqlParameter> = {};
  for (const name of parametersIn(text)) {
    const type = sqlTypeOf(template, name) ?? 'STRING';
    parameters[name] = { type, value: SAMPLES[type] ?? 'x' };
  }
  return { sql: resolveSql(text, variables, identifierVariables(template)), parameters, defaultDataset: dataset };
}

async function variablesOf(scratch: Scratch, template: Template): Promise<Variables> {
  const { dataset } = scratch;
  const variables: Record<string, VariableValue> = {};
  for (const name of [...BUILT_IN_VARIABLES, ...template.parameters.map((p) => p.name)])
    variables[name] = SAMPLES[sqlTypeOf(template, name) ?? 'STRING'] ?? 'x';
  Object.assign(variables, { dataset, month: '2025-01' });
  for (const step of template.steps)
    for (const output of STEP_TYPES.find(({ type }) => type === step.type)?.outputs ?? []) variables[`steps.${step.id}.${output}`] = 1;
  for (const spec of template.parameters) {
    if (spec.type === 'month') variables[spec.name] = '2025-01';
    if (spec.type === 'table')
      variables[spec.name] =
        spec.default === undefined
          ? `${dataset}.${UNSEEN_TABLE}`
          : await nameHere(scratch, String(resolveText(String(spec.default), variables)));
  }
  return variables;
}
