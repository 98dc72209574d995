/**
 * Writing a table: stage, check, replace one unit in one statement.
 *
 * 1. The result lies in a staging table named by run and step before the target is touched. 2. The unit is replaced by ONE statement:
 * whoever reads sees all of the old or all of the new, and doing it twice, or again after a crash, ends in the same table.
 * 3. A staged row outside of its unit is an error: replacing would double it. 4. Rows carry their lineage.
 * 5. Nothing here knows where rows came from.
 */
import type { ColumnSpec, SqlParameter } from '@convergence/ports';
import { type ControlTotals, type Totals, totalsOf } from './control-totals.ts';
import { StepFailure } from './failure.ts';
import type { TargetConfig } from './fields.ts';
import { quoted, tableIn } from './sql.ts';
import type { StepContext, StepOutcome } from './step.ts';

export const LINEAGE: readonly ColumnSpec[] = [
  { name: 'x_run_id', type: 'STRING', description: 'The run that wrote this row.' },
  { name: 'x_pipeline_id', type: 'STRING', description: 'The pipeline that wrote this row.' },
  { name: 'x_loaded_at', type: 'TIMESTAMP', description: 'When this row was written.' },
];
const isLineage = (column: string): boolean => LINEAGE.some((l) => l.name === column.toLowerCase());

export const stagingTable = (context: Pick<StepContext, 'run' | 'step'>): string =>
  `x_stage_${context.run.run_id.replaceAll('-', '')}_${context.step.id}`;

export interface Staged {
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/**
 * The rows of a query into the staging table, with lineage instead of one that they have: `schema` are the columns of the query, as far
 * as they are known. A staging table of an earlier attempt is overwritten.
 */
export async function stageQuery(
  context: StepContext,
  select: string,
  parameters: Readonly<Record<string, SqlParameter>>,
  schema: readonly { readonly name: string }[] = [],
): Promise<Staged> {
  const { run, warehouse, signal, tenant } = context;
  const table = stagingTable(context);
  const theirs = schema.filter((c) => isLineage(c.name)).map((c) => quoted(c.name));
  await warehouse.run({
    sql: `CREATE OR REPLACE TABLE ${tableIn(tenant.dataset, table)}
OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY))
AS SELECT x.*${theirs.length > 0 ? ` EXCEPT (${theirs.join(', ')})` : ''}, @x_run_id AS x_run_id, @x_pipeline_id AS x_pipeline_id, @x_loaded_at AS x_loaded_at FROM (
${select}
) AS x`,
    parameters: {
      ...parameters,
      x_run_id: { type: 'STRING', value: run.run_id },
      x_pipeline_id: { type: 'STRING', value: run.pipeline_id },
      x_loaded_at: { type: 'TIMESTAMP', value: new Date(context.clock.now()).toISOString() },
    },
    defaultDataset: tenant.dataset,
    labels: labelsOf(context),
    signal,
  });
  const columns = await warehouse.columnsOf(tenant.dataset, table);
  if (!columns) throw new StepFailure('internal', 'step.staging_lost', 'The staging table is gone.', { transient: true });
  await context.crashPoint('staged');
  return { table, columns };
}

export const labelsOf = (context: StepContext): Record<string, string> => ({
  run_id: context.run.run_id,
  tenant: context.tenant.tenant_id,
  step: context.step.id,
});

/** Makes the target what the staging table says of its unit. `source` are totals of where the rows came from, if known. */
export async function replaceUnit(context: StepContext, config: TargetConfig, staged: Staged, source?: Totals): Promise<StepOutcome> {
  const { warehouse, tenant, signal } = context;
  const unit = unitOf(config, staged);
  const sums = config.control_totals ?? staged.columns.filter((c) => /^(BIG)?NUMERIC/.test(c.type)).map((c) => c.name);
  const stage = tableIn(tenant.dataset, staged.table);
  const totals = (from: string, where?: string) =>
    totalsOf(warehouse, {
      from,
      where,
      columns: sums,
      timeColumn: unit.column ?? timeColumn(staged),
      ...(unit.parameters && { parameters: unit.parameters }),
      dataset: tenant.dataset,
      signal,
    });
  await checkStaged(context, unit, stage);
  const stagedTotals = await totals(stage);
  if (source) mustAgree(source, stagedTotals, 'The source changed while it was read, or rows were lost.');

  await prepareTarget(context, config, staged, unit);
  await context.crashPoint('before_replace');
  await warehouse.run({
    sql: replaceSql(tableIn(tenant.dataset, config.to), stage, staged, unit),
    ...(unit.parameters && { parameters: unit.parameters }),
    defaultDataset: tenant.dataset,
    labels: labelsOf(context),
    signal,
  });
  await context.crashPoint('replaced');
  const result = unit.kind === 'keys' ? stagedTotals : await totals(tableIn(tenant.dataset, config.to), unit.where?.());
  mustAgree(stagedTotals, result, 'The target does not hold what was staged.');
  await warehouse.run({ sql: `DROP TABLE IF EXISTS ${stage}`, defaultDataset: tenant.dataset, signal });
  await context.crashPoint('cleaned');
  const controlTotals: ControlTotals = { source: source ?? stagedTotals, result };
  return { rows: result.rows, outputs: { rows: result.rows, table: config.to }, totals: controlTotals };
}

interface ResolvedUnit {
  readonly kind: 'day' | 'month' | 'keys' | 'table';
  readonly column: string | undefined;
  readonly columnType: string | undefined;
  /** Rows that the unit covers; the alias, where there is one, stands before the column. */
  readonly where: ((alias?: string) => string) | undefined;
  readonly keys: readonly string[];
  readonly parameters: Readonly<Record<string, SqlParameter>> | undefined;
}

export function unitOf(config: TargetConfig, staged: Staged): ResolvedUnit {
  const unit = config.unit ?? { table: true as const };
  if ('table' in unit)
    return { kind: 'table', column: undefined, columnType: undefined, where: undefined, keys: [], parameters: undefined };
  if ('keys' in unit) {
    for (const key of unit.keys) columnOf(staged, key);
    return { kind: 'keys', column: undefined, columnType: undefined, where: undefined, keys: unit.keys, parameters: undefined };
  }
  const name = unit.column ?? config.partition_by;
  if (name === undefined)
    throw new StepFailure('schema', 'template.unit_column', 'The unit is a period, but no column says which rows lie in it.', {
      hint: 'Set unit.column or partition_by.',
    });
  const column = columnOf(staged, name);
  const kind = 'day' in unit ? 'day' : 'month';
  const first = 'day' in unit ? unit.day : `${unit.month.slice(0, 7)}-01`;
  const end = kind === 'day' ? 'DATE_ADD(@x_unit, INTERVAL 1 DAY)' : 'DATE_ADD(@x_unit, INTERVAL 1 MONTH)';
  return {
    kind,
    column: name,
    columnType: column.type,
    // A range, so that partitions are pruned whatever the column's type.
    where: (alias) => {
      const at = `${alias ? `${alias}.` : ''}${quoted(name)}`;
      if (column.type === 'TIMESTAMP') return `${at} >= TIMESTAMP(@x_unit) AND ${at} < TIMESTAMP(${end})`;
      const date = column.type === 'DATE' ? at : `DATE(${at})`;
      return `${date} >= @x_unit AND ${date} < ${end}`;
    },
    keys: [],
    parameters: { x_unit: { type: 'DATE', value: first } },
  };
}

function columnOf(staged: Staged, name: string): { name: string; type: string } {
  const column = staged.columns.find((c) => c.name.toLowerCase() === name.toLowerCase());
  if (!column)
    throw new StepFailure('schema', 'step.column_missing', `The result has no column ${name}.`, {
      hint: `Its columns are ${staged.columns.map((c) => c.name).join(', ')}.`,
    });
  return column;
}
const timeColumn = (staged: Staged): string | undefined =>
  staged.columns.find((c) => (c.type === 'TIMESTAMP' || c.type === 'DATE') && !isLineage(c.name))?.name;

async function checkStaged(context: StepContext, unit: ResolvedUnit, stage: string): Promise<void> {
  const { warehouse, tenant, signal } = context;
  if (unit.where) {
    const { rows } = await warehouse.run({
      sql: `SELECT COUNT(*) AS n FROM ${stage} WHERE (${unit.where()}) IS NOT TRUE`,
      ...(unit.parameters && { parameters: unit.parameters }),
      defaultDataset: tenant.dataset,
      signal,
    });
    const outside = Number(rows[0]?.n ?? 0);
    if (outside > 0)
      throw new StepFailure(
        'schema',
        'step.outside_unit',
        `${outside} rows of the result lie outside of the ${unit.kind} that the step replaces.`,
        {
          hint: `Filter by ${unit.column}.`,
        },
      );
  }
  if (unit.kind === 'keys') {
    const keys = unit.keys.map(quoted);
    const { rows } = await warehouse.run({
      sql: `SELECT COUNTIF(x_rows > 1) AS n_double, COUNTIF(x_absent) AS n_absent FROM (
  SELECT COUNT(*) AS x_rows, LOGICAL_OR(${keys.map((key) => `${key} IS NULL`).join(' OR ')}) AS x_absent FROM ${stage} GROUP BY ${keys.join(', ')}
) AS d`,
      defaultDataset: tenant.dataset,
      signal,
    });
    const hint = `Keys: ${unit.keys.join(', ')}.`;
    if (Number(rows[0]?.n_double ?? 0) > 0)
      throw new StepFailure('schema', 'step.keys_not_unique', `${rows[0]?.n_double} keys occur more than once in the result.`, { hint });
    // NULL equals nothing: such a row would be added again each time.
    if (Number(rows[0]?.n_absent ?? 0) > 0)
      throw new StepFailure('schema', 'step.key_missing', 'Rows of the result have no value in a column of their key.', { hint });
  }
}

/** The target exists afterwards, with every column of the result. */
async function prepareTarget(context: StepContext, config: TargetConfig, staged: Staged, unit: ResolvedUnit): Promise<void> {
  const { warehouse, tenant, signal } = context;
  const there = await warehouse.columnsOf(tenant.dataset, config.to);
  if (!there) {
    const by = config.partition_by ?? unit.column;
    const byType = by && columnOf(staged, by).type;
    const partition = by === undefined ? '' : byType === 'DATE' ? `PARTITION BY ${quoted(by)}\n` : `PARTITION BY DATE(${quoted(by)})\n`;
    const cluster = config.cluster_by?.length ? `CLUSTER BY ${config.cluster_by.map(quoted).join(', ')}\n` : '';
    await warehouse.run({
      sql: `CREATE TABLE IF NOT EXISTS ${tableIn(tenant.dataset, config.to)}\n${partition}${cluster}AS SELECT * FROM ${tableIn(tenant.dataset, staged.table)} LIMIT 0`,
      defaultDataset: tenant.dataset,
      signal,
    });
    return;
  }
  const known = new Map(there.map((c) => [c.name.toLowerCase(), c]));
  const changed = staged.columns.filter((c) => known.has(c.name.toLowerCase()) && known.get(c.name.toLowerCase())?.type !== c.type);
  if (changed.length > 0)
    throw new StepFailure(
      'schema',
      'step.schema_drift',
      `${config.to} has other types: ${changed.map((c) => `${c.name} was ${known.get(c.name.toLowerCase())?.type} and is ${c.type}`).join('; ')}.`,
      {
        hint: 'A type never changes by itself: cast it in the template, or move the old table away.',
      },
    );
  const added = staged.columns.filter((c) => !known.has(c.name.toLowerCase()));
  if (added.length === 0) return;
  if (config.schema_drift === 'freeze')
    throw new StepFailure(
      'schema',
      'step.schema_drift',
      `The source has new columns: ${added.map((c) => `${c.name} ${c.type}`).join(', ')}.`,
      {
        hint: 'schema_drift is freeze: name the columns you want, or set it to evolve.',
      },
    );
  await warehouse.addColumns(
    tenant.dataset,
    config.to,
    added.map((c) => ({ name: c.name, type: c.type, description: 'Came with the source.' })),
  );
  context.log.info({ table: config.to, columns: added.map((c) => c.name) }, 'columns added');
}

export function replaceSql(target: string, stage: string, staged: Staged, unit: Pick<ResolvedUnit, 'kind' | 'where' | 'keys'>): string {
  const names = staged.columns.map((c) => quoted(c.name));
  const insert = `INSERT (${names.join(', ')}) VALUES (${names.map((n) => `s.${n}`).join(', ')})`;
  if (unit.kind === 'keys') {
    const on = unit.keys.map((key) => `t.${quoted(key)} = s.${quoted(key)}`).join(' AND ');
    const keys = new Set(unit.keys.map((key) => key.toLowerCase()));
    const set = staged.columns.filter((c) => !keys.has(c.name.toLowerCase())).map((c) => `${quoted(c.name)} = s.${quoted(c.name)}`);
    return `MERGE ${target} AS t USING ${stage} AS s ON ${on}\nWHEN MATCHED THEN UPDATE SET ${set.join(', ')}\nWHEN NOT MATCHED THEN ${insert}`;
  }
  const covered = unit.where ? ` AND ${unit.where('t')}` : '';
  return `MERGE ${target} AS t USING ${stage} AS s ON FALSE\nWHEN NOT MATCHED BY SOURCE${covered} THEN DELETE\nWHEN NOT MATCHED BY TARGET THEN ${insert}`;
}

export function mustAgree(a: Totals, b: Totals, message: string): void {
  const wrong: string[] = [];
  if (a.rows !== b.rows) wrong.push(`rows ${a.rows} and ${b.rows}`);
  for (const [column, sum] of Object.entries(a.sums))
    if (column in b.sums && sum !== b.sums[column]) wrong.push(`sum of ${column} ${sum} and ${b.sums[column]}`);
  if (wrong.length > 0)
    throw new StepFailure('source_not_ready', 'step.control_totals', `${message} Differing: ${wrong.join(', ')}.`, {
      hint: 'It is tried again by itself.',
      transient: true,
    });
}
