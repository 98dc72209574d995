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

/** Tables that a caller names are read with our identity only where the tenant may read them. */
export function mustBeReadable(sql: string, context: Pick<StepContext, 'template' | 'variables' | 'tenant' | 'warehouse'>): void {
  for (const parameter of context.template.parameters) {
    const value = context.variables[parameter.name];
    if (parameter.type !== 'table' || typeof value !== 'string' || !sql.includes(`{${parameter.name}}`)) continue;
    if (readableByUs(value, context.tenant.dataset, context.warehouse.project)) continue;
    throw new StepFailure('permission', 'step.foreign_table', `${value} is not a table of this tenant.`, {
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
  if (!/^[A-Za-z_$][A-Za-z0-9_$]{0,299}$/.test(name)) throw new RangeError(`not a column or table name: ${JSON.stringify(name)}`);
  return `\`${name}\``;
};
export const tableIn = (dataset: string, table: string): string => {
  if (!/^[a-z][a-z0-9_]{2,49}$/.test(dataset)) throw new RangeError(`not a dataset: ${JSON.stringify(dataset)}`);
  return `${quoted(dataset)}.${quoted(table)}`;
};
