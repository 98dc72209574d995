import { Transient } from '@convergence/contracts';
import type { TableSpec, ViewSpec, Warehouse } from '@convergence/ports';
import type { managedwriter } from '@google-cloud/bigquery-storage';
import { bigqueryStorage } from '../clients.ts';
import { type GoogleConfig, grpcOptions } from '../endpoints.ts';
import { defaultStreams } from './default-stream.ts';
import { errorOf, verdictOf } from './errors.ts';
import { grantOf } from './grant.ts';
import { loadFile } from './load-file.ts';
import { rest as restOf } from './rest.ts';
import { type RestField, restField, sqlType, typeTextOf } from './sql-type.ts';
import { statements } from './statements.ts';

interface RestTable {
  readonly schema?: { readonly fields?: readonly RestField[] };
  readonly view?: { readonly query: string };
}

export function googleWarehouse(config: GoogleConfig): Warehouse {
  const rest = restOf(config);
  const { run, pages, dryRun } = statements(rest, config);
  let opened: managedwriter.WriterClient | undefined;
  const writing = () => {
    opened ??= new (bigqueryStorage().managedwriter.WriterClient)(grpcOptions(config, 'bigqueryStorage') as never);
    return opened;
  };
  const streams = defaultStreams(writing, config);
  const path = (dataset: string, table?: string) =>
    `/datasets/${encodeURIComponent(dataset)}${table === undefined ? '' : `/tables/${encodeURIComponent(table)}`}`;
  const reference = (dataset: string, table: string) => ({ projectId: config.project, datasetId: dataset, tableId: table });

  /** True when it was made now. */
  async function make(where: string, body: object): Promise<boolean> {
    try {
      await rest.patiently('POST', where, body);
      return true;
    } catch (cause) {
      if (verdictOf((cause as Error).cause).status === 409) return false;
      throw cause;
    }
  }
  async function get<T>(where: string): Promise<T | undefined> {
    try {
      return await rest.patiently<T>('GET', where);
    } catch (cause) {
      if (verdictOf((cause as Error).cause).status === 404) return undefined;
      throw cause;
    }
  }

  return {
    project: config.project,
    run,
    pages,
    dryRun,

    createDataset: (dataset, options) =>
      make('/datasets', {
        datasetReference: { projectId: config.project, datasetId: dataset },
        location: options.location,
        description: options.description,
        ...(options.labels ? { labels: options.labels } : {}),
      }),
    createTable: (dataset, table: TableSpec) =>
      make(`${path(dataset)}/tables`, {
        tableReference: reference(dataset, table.name),
        description: table.description,
        schema: {
          fields: table.columns.map((c) => restField(c.name, sqlType(c.type), { required: c.required, description: c.description })),
        },
        ...(table.partitionBy
          ? {
              timePartitioning: {
                type: table.partitionBy.granularity,
                field: table.partitionBy.column,
                ...(table.partitionBy.expirationDays ? { expirationMs: String(table.partitionBy.expirationDays * 86_400_000) } : {}),
              },
            }
          : {}),
        ...(table.clusterBy ? { clustering: { fields: table.clusterBy } } : {}),
      }),
    async createView(dataset, view: ViewSpec) {
      const body = {
        tableReference: reference(dataset, view.name),
        description: view.description,
        view: { query: view.sql, useLegacySql: false },
      };
      if (await make(`${path(dataset)}/tables`, body)) return true;
      const there = await get<RestTable>(path(dataset, view.name));
      if (there && there.view?.query !== view.sql) await rest.patiently('PATCH', path(dataset, view.name), body);
      return false;
    },
    grant: grantOf(rest, path),
    async dropDataset(dataset) {
      try {
        await rest.patiently('DELETE', path(dataset), undefined, { deleteContents: 'true' });
      } catch (cause) {
        if (verdictOf((cause as Error).cause).status !== 404) throw cause;
      }
    },
    datasetExists: async (dataset) => (await get(path(dataset))) !== undefined,
    async columnsOf(dataset, table) {
      const found = await get<RestTable>(path(dataset, table));
      return found?.schema?.fields?.map((f) => ({ name: f.name, type: typeTextOf(f), mode: f.mode ?? 'NULLABLE' }));
    },
    async addColumns(dataset, table, columns) {
      for (const name of [dataset, table, ...columns.map((c) => c.name)]) {
        if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`not an identifier: ${name}`);
      }
      const added = columns.map((c) => {
        const description = JSON.stringify(c.description);
        return `ADD COLUMN IF NOT EXISTS \`${c.name}\` ${c.type} OPTIONS (description = ${description})`;
      });
      await run({ sql: `ALTER TABLE \`${config.project}.${dataset}.${table}\` ${added.join(', ')}` });
    },
    append: streams.append,
    load: (dataset, table, file, write, jobId) => loadFile(rest.client, config, { dataset, table, file, write, jobId }),
    async check() {
      try {
        await rest.once('GET', '/datasets', undefined, { maxResults: 1 });
      } catch (cause) {
        const error = errorOf(cause);
        throw error instanceof Transient ? error : new Transient(error.message, { cause });
      }
    },
    async close() {
      streams.close();
      opened?.close();
      await opened?.getClient().close();
    },
  };
}
