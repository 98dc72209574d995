/** Copy jobs: `copySpec` checks the request and answers the work to do. */
import type { Column } from '../../googlesql/contract.ts';
import { quote } from '../../googlesql/sql-type.ts';
import type { Caller } from '../../identity/index.ts';
import { demand } from '../catalog/access.ts';
import { readingAll } from '../catalog/moved.ts';
import { storedColumn } from '../catalog/stored-column.ts';
import { invalid, required } from '../errors.ts';
import { destinationOf, tablePathOf } from '../execute/queries.ts';
import { writeTable } from '../execute/write-table.ts';
import type { Json } from '../rest/http.ts';
import type { Service } from '../service.ts';
import type { Connection } from '../storage/connection.ts';
import type { Work } from './work.ts';

export function copySpec(service: Service, project: string, caller: Caller, copy: Json): Work {
  const destination = destinationOf(copy, project);
  if (!destination) throw required('configuration.copy.destinationTable');
  const references = copy.sourceTables ?? (copy.sourceTable ? [copy.sourceTable] : []);
  if (references.length === 0) throw required('configuration.copy.sourceTable');
  const sources = references.map((reference: Json) => tablePathOf(reference, project, 'sourceTable.tableId'));
  return async (job) => {
    const { store, metadata } = service;
    const tables = sources.map((path: (typeof sources)[number]) => metadata.table(path));
    for (const table of tables) {
      demand(store.catalog, caller, 'read', table.path);
      if (table.kind === 'VIEW')
        throw invalid(
          `${table.path.project}:${table.path.dataset}.${table.path.table} is not allowed for this operation because it is currently a VIEW.`,
        );
    }
    const [first] = tables;
    for (const other of tables) {
      if (JSON.stringify(other.columns.map(storedColumn)) !== JSON.stringify(first.columns.map(storedColumn)))
        throw invalid('Source tables of a copy job must have the same schema.');
    }
    await store.readable(tables);
    const names = first.columns.map((column: Column) => quote(column.name)).join(', ');
    const rows = await readingAll(store.catalog, tables, async (steady) => {
      let copied = 0;
      await writeTable(
        service,
        caller,
        {
          ...destination,
          settings: {
            ...(first.partitioning ? { partitioning: first.partitioning } : {}),
            ...(first.clustering ? { clustering: first.clustering } : {}),
            ...(first.description ? { description: first.description } : {}),
          },
        },
        first.columns,
        (connection: Connection, physical: string) =>
          steady(async () => {
            for (const table of tables)
              copied += (await connection.run(`INSERT INTO ${physical} (${names}) SELECT ${names} FROM ${store.catalog.rowsOf(table)}`))
                .rowsChanged;
          }),
        (connection) => service.jobs.store(connection, job),
      );
      return copied;
    });
    job.statistics = { copy: { copiedRows: String(rows), copiedLogicalBytes: '0' } };
  };
}
