/**
 * Dry-runs a template's SQL in a scratch dataset. A step's query may read what steps before it write, so each target is made, empty,
 * with the columns that its query would give.
 */
import { randomUUID } from 'node:crypto';
import { identifierVariables, parametersIn, resolveSql, sqlTypeOf, type Template, type Variables } from '@convergence/pipelines';
import type { SqlParameter, Warehouse } from '@convergence/ports';
import { BILLING_EXPORT_COLUMNS } from '../sample-data/billing-export.ts';

const SAMPLES: Readonly<Record<string, string | number | boolean>> = {
  DATE: '2025-01-01',
  INT64: 1,
  NUMERIC: '1',
  BOOL: true,
  STRING: 'x',
};

export async function checkSql(warehouse: Warehouse, template: Template): Promise<string[]> {
  const problems: string[] = [];
  const dataset = `x_check_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
  const variables: Record<string, Variables[string]> = { dataset };
  for (const p of template.parameters) variables[p.name] = p.type === 'table' ? `${dataset}.source` : 'x';
  const bound = (sql: string) => {
    const parameters: Record<string, SqlParameter> = {};
    for (const name of parametersIn(sql)) {
      const type = sqlTypeOf(template, name) ?? 'STRING';
      parameters[name] = { type, value: SAMPLES[type] ?? 'x' };
    }
    return { sql: resolveSql(sql, variables, identifierVariables(template)), parameters, defaultDataset: dataset };
  };
  const make = (name: string, columns: readonly { name: string; type: string }[]) =>
    warehouse.createTable(dataset, {
      name,
      description: 'Scratch.',
      columns: columns.map((c) => ({ name: c.name, type: c.type, description: 'Scratch.' })),
    });

  await warehouse.createDataset(dataset, { location: 'US', description: 'Scratch for checking templates.' });
  try {
    await make('source', BILLING_EXPORT_COLUMNS);
    for (const step of template.steps) {
      const { sql, sql_file, filter, to, columns } = step.with as {
        sql?: string;
        sql_file?: string;
        filter?: string;
        to?: string;
        columns?: Record<string, { type: string } | string>;
      };
      const text = sql ?? template.sqlFiles[sql_file ?? ''];
      try {
        if (text !== undefined && to !== undefined) await make(to, (await warehouse.dryRun(bound(text))).schema);
        else if (step.type === 'bigquery.copy' && to !== undefined)
          await make(
            to,
            (await warehouse.dryRun(bound(`SELECT * FROM \`source\`${filter === undefined ? '' : ` WHERE ${filter}`}`))).schema,
          );
        else if (columns && to !== undefined)
          await make(
            to,
            Object.entries(columns).map(([name, c]) => ({ name, type: typeof c === 'string' ? c : c.type })),
          );
      } catch (error) {
        problems.push(`${template.file}: step "${step.id}"${sql_file ? ` (${sql_file})` : ''}: ${(error as Error).message}`);
      }
    }
  } finally {
    await warehouse.dropDataset(dataset);
  }
  return problems;
}
