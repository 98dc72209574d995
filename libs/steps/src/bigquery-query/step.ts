/** GoogleSQL into a table. Reads the tenant's dataset (unqualified names) and whatever the template's table parameters name. */
import { StepFailure } from '../failure.ts';
import { bind, mustBeReadable } from '../sql.ts';
import type { StepCode, StepContext } from '../step.ts';
import { replaceUnit, stageQuery } from '../target.ts';
import type { BigQueryQueryConfig } from './config.ts';

const GB = 1_000_000_000;
/** What one query may read, by plan. */
const CAP_GB: Readonly<Record<string, number>> = { STARTER: 100, PROFESSIONAL: 500, SCALE: 2000 };

export const bigqueryQuery: StepCode = async (context) => {
  const config = context.config as BigQueryQueryConfig;
  const text = config.sql ?? context.template.sqlFiles[config.sql_file ?? ''];
  if (text === undefined) throw new StepFailure('internal', 'template.sql_missing', `There is no ${config.sql_file} beside the template.`);
  mustBeReadable(text, context);
  const bound = bind(text.trim().replace(/;\s*$/, ''), context.template, context.variables);
  const schema = await mustFitPlan(context, bound.sql, bound.parameters, config.maximum_gb_billed);
  await context.crashPoint('planned');
  const staged = await stageQuery(context, bound.sql, bound.parameters, schema);
  return replaceUnit(context, config, staged);
};

/** The columns that the query will have. */
export async function mustFitPlan(
  context: StepContext,
  sql: string,
  parameters: Parameters<typeof stageQuery>[2],
  maximumGb: number | undefined,
): Promise<readonly { readonly name: string }[]> {
  const cap = Math.min(CAP_GB[context.tenant.plan] ?? 100, maximumGb ?? Number.POSITIVE_INFINITY);
  const { bytesProcessed, schema } = await context.warehouse.dryRun({
    sql,
    parameters,
    defaultDataset: context.tenant.dataset,
    signal: context.signal,
  });
  if (Number(bytesProcessed) <= cap * GB) return schema;
  throw new StepFailure(
    'quota',
    'bigquery.bytes_cap',
    `The query would read ${(Number(bytesProcessed) / GB).toFixed(1)} GB; ${cap} GB are allowed.`,
    {
      hint:
        maximumGb === cap
          ? 'The template sets maximum_gb_billed.'
          : `Plan ${context.tenant.plan} allows ${cap} GB a query: narrow its filter or change the plan.`,
    },
  );
}
