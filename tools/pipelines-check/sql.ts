/**
 * Dry-runs the SQL of templates in a scratch dataset. A query may read what steps before it write, and what other templates do, so each
 * target is made, empty, with the columns that its query would give; a template that misses a table is tried again after the others.
 */
import { randomUUID } from 'node:crypto';
import { identifierVariables, parametersIn, resolveSql, sqlTypeOf, type Template, type Variables } from '@convergence/pipelines';
import { type SqlParameter, type Warehouse, WarehouseError } from '@convergence/ports';
import { BILLING_EXPORT_COLUMNS } from '../sample-data/billing-export.ts';

const SAMPLES: Readonly<Record<string, string | number | boolean>> = {
  DATE: '2025-01-01',
  INT64: 1,
  NUMERIC: '1',
  BOOL: true,
  STRING: 'x',
};

interface Problem {
  readonly text: string;
  /** A table that nobody made yet. */
  readonly missing: boolean;
}

export async function checkSql(warehouse: Warehouse, templates: readonly Template[]): Promise<string[]> {
  const dataset = `x_check_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
  const texts: string[] = [];
  await warehouse.createDataset(dataset, { location: 'US', description: 'Scratch for checking templates.' });
  try {
    await make(warehouse, dataset, 'source', BILLING_EXPORT_COLUMNS);
    for (let waiting = templates, last = false; waiting.length > 0; ) {
      const again: Template[] = [];
      for (const template of waiting) {
        const problems = await problemsOf(warehouse, dataset, template);
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

const make = (warehouse: Warehouse, dataset: string, name: string, columns: readonly { name: string; type: string }[]) =>
  warehouse.createTable(dataset, {
    name,
    description: 'Scratch.',
    columns: columns.map((c) => ({ name: c.name, type: c.type, description: 'Scratch.' })),
  });

async function problemsOf(warehouse: Warehouse, dataset: string, template: Template): Promise<Problem[]> {
  const problems: Problem[] = [];
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
      if (text !== undefined && to !== undefined) await make(warehouse, dataset, to, (await warehouse.dryRun(bound(text))).schema);
      else if (step.type === 'bigquery.copy' && to !== undefined) {
        const copied = `SELECT * FROM \`source\`${filter === undefined ? '' : ` WHERE ${filter}`}`;
        await make(warehouse, dataset, to, (await warehouse.dryRun(bound(copied))).schema);
      } else if (columns && to !== undefined) {
        const made = Object.entries(columns).map(([name, c]) => ({ name, type: typeof c === 'string' ? c : c.type }));
        await make(warehouse, dataset, to, made);
      }
    } catch (error) {
      problems.push({
        text: `${template.file}: step "${step.id}"${sql_file ? ` (${sql_file})` : ''}: ${(error as Error).message}`,
        missing: error instanceof WarehouseError && error.reason === 'notFound',
      });
    }
  }
  return problems;
}
