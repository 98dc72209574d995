/** SQL of a step: its parameters typed, its identifiers quoted. */
import { identifierVariables, parametersIn, resolveSql, sqlTypeOf, type Template, type Variables } from '@convergence/pipelines';
import type { SqlParameter } from '@convergence/ports';
import { StepFailure } from './failure.ts';
import { readableByUs } from './readable.ts';
import type { StepContext } from './step.ts';

export interface BoundSql {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, SqlParameter>>;
}

/** `{source}`, `{dataset}.costs`, `{part}.{name}`: names that stand before or behind a dot are one. */
const NAMED = /\{[a-z_][a-z0-9_]*\}(?:\.(?:\{[a-z_][a-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*))*/g;

/** Tables that a caller names are read with our identity only where the tenant may read them. */
export function mustBeReadable(sql: string, context: Pick<StepContext, 'variables' | 'tenant' | 'warehouse'>): void {
  for (const [written] of sql.matchAll(NAMED)) {
    const table = written.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(context.variables[name] ?? ''));
    if (readableByUs(table, context.tenant.dataset, context.warehouse.project)) continue;
    throw new StepFailure('permission', 'step.foreign_table', `${table} is not a table of this tenant.`, {
      hint: 'Copy it first with bigquery.copy, which reads with your own service account.',
    });
  }
}

export function bind(sql: string, template: Template, variables: Variables): BoundSql {
  const parameters: Record<string, SqlParameter> = {};
  for (const name of parametersIn(sql)) {
    const type = sqlTypeOf(template, name);
    if (type === undefined)
      throw new StepFailure('internal', 'template.unknown_parameter', `The SQL uses @${name}, which nobody declares.`);
    parameters[name] = { type, value: variables[name] ?? null };
  }
  return { sql: resolveSql(sql, variables, identifierVariables(template)), parameters };
}

export const quoted = (name: string): string => {
  if (!/^[A-Za-z_$][A-Za-z0-9_$]{0,299}$/.test(name))
    throw new StepFailure('schema', 'step.column_name', `${JSON.stringify(name)} is no name of a column that steps take.`, {
      hint: 'Names are made of letters, digits and _: give it another one in the query (AS), or name the columns to copy.',
    });
  return `\`${name}\``;
};
export const tableIn = (dataset: string, table: string): string => {
  if (!/^[a-z][a-z0-9_]{2,49}$/.test(dataset)) throw new RangeError(`not a dataset: ${JSON.stringify(dataset)}`);
  return `${quoted(dataset)}.${quoted(table)}`;
};
