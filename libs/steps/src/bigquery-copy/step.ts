/**
 * Rows of a table in the tenant's own project, read with the tenant's own service account, into a table of its dataset.
 *
 * 1. Without a credential only the tenant's dataset and the samples are readable: our identity never reads for somebody else.
 * 2. The source's totals are taken before the copy and must be the copy's. 3. A watermark advances to the value that was seen,
 * never to the clock. 4. The job runs where the source's dataset is.
 */

import { quotedTable } from '@convergence/pipelines';
import type { SqlParameter, Warehouse } from '@convergence/ports';
import { mustFitPlan } from '../bigquery-query/step.ts';
import { type ControlTotals, type Summed, type Totals, totalsOf } from '../control-totals.ts';
import { StepFailure } from '../failure.ts';
import { readableByUs } from '../readable.ts';
import { bind, mustBeReadable, quoted, tableIn } from '../sql.ts';
import { stageRows } from '../staged-rows.ts';
import type { StepCode, StepContext } from '../step.ts';
import { replaceUnit, stageQuery } from '../target.ts';
import type { BigQueryCopyConfig } from './config.ts';

const PAGE = 10_000;

export const bigqueryCopy: StepCode = async (context) => {
  const config = context.config as BigQueryCopyConfig;
  const from = quotedTable(config.from);
  if (from === undefined)
    throw new StepFailure('schema', 'step.source_name', `${JSON.stringify(config.from)} is no table name.`, {
      hint: 'Write project.dataset.table.',
    });
  const source = await sourceOf(context, config);
  try {
    if (!source.foreign && config.filter !== undefined) mustBeReadable(config.filter, context);
    const filter = config.filter === undefined ? undefined : bind(config.filter, context.template, context.variables);
    const parameters = filter?.parameters ?? {};
    const where = filter && `(${filter.sql})`;
    const read: Source = { ...source, from, where, parameters, location: config.location };
    const watermark = config.watermark === undefined ? undefined : await watermarkOf(context, read, config.watermark);
    // A template that copies something else, or elsewhere, has not copied yet.
    const copy = JSON.stringify([from, config.columns ?? null, where ?? null, parameters, config.to, config.unit ?? null]);
    if (watermark !== undefined) {
      const before = await lastCopy(context, copy);
      if (before?.watermark === watermark && (await context.warehouse.columnsOf(context.tenant.dataset, config.to)))
        return {
          rows: before.rows,
          outputs: { rows: before.rows, table: config.to, watermark, copy },
          ...(before.totals && { totals: before.totals }),
        };
    }
    const select = `SELECT ${config.columns ? config.columns.map(quoted).join(', ') : '*'} FROM ${from}${where ? ` WHERE ${where}` : ''}`;
    const { schema } = await read.warehouse.dryRun({
      sql: select,
      parameters,
      signal: context.signal,
      defaultDataset: context.tenant.dataset,
      ...(config.location && { location: config.location }),
    });
    if (!source.foreign) await mustFitPlan(context, select, parameters, undefined);
    const sums = exactSums(config.control_totals ?? schema.filter((c) => /^(BIG)?NUMERIC/.test(c.type)).map((c) => c.name), schema);
    const totals = await sourceTotals(context, read, sums, schema);
    await context.crashPoint('planned');
    const staged = source.foreign
      ? await stageRows(
          context,
          schema.map((c) => ({ ...c, description: 'As in the source.' })),
          read.warehouse.pages(
            { sql: select, parameters, signal: context.signal, ...(config.location && { location: config.location }) },
            PAGE,
          ),
        )
      : await stageQuery(context, select, parameters, schema);
    const outcome = await replaceUnit(context, { ...config, control_totals: sums }, staged, totals);
    return watermark === undefined ? outcome : { ...outcome, outputs: { ...outcome.outputs, watermark, copy } };
  } finally {
    if (source.foreign) await source.warehouse.close();
  }
};

interface Source {
  readonly warehouse: Warehouse;
  readonly foreign: boolean;
  readonly from: string;
  readonly where: string | undefined;
  readonly parameters: Readonly<Record<string, SqlParameter>>;
  readonly location: string | undefined;
}

async function sourceOf(context: StepContext, config: BigQueryCopyConfig): Promise<Pick<Source, 'warehouse' | 'foreign'>> {
  if (readableByUs(config.from, context.tenant.dataset, context.warehouse.project)) return { warehouse: context.warehouse, foreign: false };
  return { warehouse: context.warehouseOf(await context.credential('gcp')), foreign: true };
}

/** A sum of floats depends on their order, so source and copy would differ: each is made a decimal first. */
function exactSums(columns: readonly Summed[], schema: readonly { name: string; type: string }[]): Summed[] {
  const floats = new Set(schema.filter((c) => c.type === 'FLOAT64').map((c) => c.name.toLowerCase()));
  return columns.map((c) => (typeof c === 'string' && floats.has(c.toLowerCase()) ? { name: c, sum: `CAST(${quoted(c)} AS NUMERIC)` } : c));
}

/** Sums of source and copy are of the same columns; the time column is left to the copy. */
async function sourceTotals(
  context: StepContext,
  source: Source,
  columns: readonly Summed[],
  schema: readonly { name: string; type: string }[],
): Promise<Totals> {
  return totalsOf(source.warehouse, {
    from: source.from,
    where: source.where,
    columns,
    timeColumn: schema.find((c) => c.type === 'TIMESTAMP' || c.type === 'DATE')?.name,
    parameters: source.parameters,
    dataset: context.tenant.dataset,
    signal: context.signal,
    location: source.location,
  });
}

async function watermarkOf(context: StepContext, source: Source, column: string): Promise<string> {
  const { rows } = await source.warehouse.run({
    sql: `SELECT CONCAT(IFNULL(CAST(MAX(${quoted(column)}) AS STRING), 'none'), '/', CAST(COUNT(*) AS STRING)) AS w FROM ${source.from}${source.where ? ` WHERE ${source.where}` : ''}`,
    parameters: source.parameters,
    defaultDataset: context.tenant.dataset,
    signal: context.signal,
    ...(source.location && { location: source.location }),
  });
  return String(rows[0]?.w ?? 'none/0');
}

/** What the last complete one of the same copy saw. */
async function lastCopy(
  context: StepContext,
  copy: string,
): Promise<{ watermark: string; rows: number; totals: ControlTotals | undefined } | undefined> {
  const { rows } = await context.warehouse.run({
    sql: `SELECT JSON_VALUE(outputs, '$.watermark') AS watermark, rows_processed, TO_JSON_STRING(control_totals) AS totals
FROM ${tableIn(context.tenant.dataset, 'x_meta_step_logs')}
WHERE pipeline_id = @pipeline AND step_name = @step AND status = 'COMPLETE' AND JSON_VALUE(outputs, '$.copy') = @copy
ORDER BY end_time DESC LIMIT 1`,
    parameters: {
      pipeline: { type: 'STRING', value: context.run.pipeline_id },
      step: { type: 'STRING', value: context.step.id },
      copy: { type: 'STRING', value: copy },
    },
    signal: context.signal,
  });
  const row = rows[0];
  if (!row || row.watermark === null || row.watermark === undefined) return undefined;
  const totals = JSON.parse(String(row.totals ?? 'null')) as ControlTotals | null;
  return { watermark: String(row.watermark), rows: Number(row.rows_processed ?? 0), totals: totals ?? undefined };
}
