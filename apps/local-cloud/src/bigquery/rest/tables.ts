/** Tables, views and what hangs on them over REST. */
import type { TablePath } from '../../googlesql/contract.ts';
import { demand, may } from '../catalog/access.ts';
import { etagOf, type TableRecord } from '../catalog/catalog.ts';
import type { NewTable } from '../catalog/metadata.ts';
import { reshapeSql } from '../catalog/reshape.ts';
import { columnsFromSchema } from '../catalog/table-schema.ts';
import { widenedColumns } from '../catalog/widened-columns.ts';
import { ApiError, invalid, required } from '../errors.ts';
import type { Queries } from '../execute/queries.ts';
import type { Service } from '../service.ts';
import type { RestRequest, Route } from './http.ts';
import { pageByKey } from './paging.ts';
import { listedTable, partitioningFrom, tableResource, withSettings } from './table-resource.ts';

/** Of the grants alone: other changes of a table do not stand in a grant's way. */
const policyEtag = ({ access = [] }: TableRecord): string => etagOf(access);

export const pathOf = (params: Readonly<Record<string, string>>): TablePath => ({
  project: params.project!,
  dataset: params.dataset!,
  table: params.table!,
});

export function tableRoutes(service: Service, queries: Queries): Route[] {
  const { store, metadata } = service;
  const { catalog } = store;

  const resource = async (table: TableRecord) =>
    tableResource(table, await service.sizes.of(table), service.origin, service.streaming.buffer(table));

  const create = async ({ params, body, caller }: RestRequest) => {
    const { project, dataset } = params as { project: string; dataset: string };
    const table = body.tableReference?.tableId;
    if (typeof table !== 'string' || table === '') throw required('tableReference.tableId');
    if (body.tableReference.datasetId && body.tableReference.datasetId !== dataset) {
      throw invalid(`Value for tableReference.datasetId does not match the request's dataset`);
    }
    metadata.dataset(project, dataset);
    demand(catalog, caller, 'write', { project, dataset });
    const path = { project, dataset, table };
    if (body.materializedView || body.externalDataConfiguration || body.model || body.snapshotDefinition) {
      throw invalid('Only tables and views are supported: materialized views, external tables, models and snapshots are not.');
    }
    let made: NewTable;
    if (body.view) {
      if (body.view.useLegacySql) throw invalid('Views in legacy SQL are not supported; set useLegacySql to false.');
      if (typeof body.view.query !== 'string') throw required('view.query');
      const columns = await queries.columnsOf(body.view.query, { project, caller });
      made = { path, kind: 'VIEW', columns, viewSql: body.view.query };
    } else {
      const columns = columnsFromSchema(body.schema?.fields ?? []);
      made = { path, kind: 'TABLE', columns, ...partitioningFrom(body, columns) };
    }
    const { record } = await metadata.createTable(withSettings(made as TableRecord, body, false));
    return resource(record);
  };

  const update = async (request: RestRequest, replace: boolean) => {
    const { params, body, caller } = request;
    const path = pathOf(params);
    const before = metadata.table(path);
    demand(catalog, caller, 'write', path);
    service.rates.tableUpdate(`${path.project}.${path.dataset}.${path.table}`);
    const etag = request.http.headers['if-match'];
    if (before.kind === 'VIEW') {
      const query = body.view?.query ?? before.viewSql;
      const columns = query === before.viewSql ? before.columns : await queries.columnsOf(query, { project: path.project, caller });
      return resource(
        await metadata.updateTable(path, (record) => ({ ...withSettings(record, body, replace), viewSql: query, columns }), etag),
      );
    }
    if (!body.schema?.fields) return resource(await metadata.updateTable(path, (record) => withSettings(record, body, replace), etag));
    const columns = columnsFromSchema(body.schema.fields);
    return resource(
      await metadata.reshapeTable(
        path,
        (record) => {
          widenedColumns(path, record.columns, columns);
          // The order of existing columns is physical: it stays, whatever order the request lists them in.
          const given = new Map(columns.map((column) => [column.name.toLowerCase(), column]));
          const kept = record.columns.map((column) => ({ ...given.get(column.name.toLowerCase())!, name: column.name }));
          const known = new Set(kept.map((column) => column.name.toLowerCase()));
          const next = [...kept, ...columns.filter((column) => !known.has(column.name.toLowerCase()))];
          return { record: { ...withSettings(record, body, replace), columns: next }, sql: reshapeSql(record, next) };
        },
        etag,
      ),
    );
  };

  return [
    {
      method: 'GET',
      path: '/projects/{project}/datasets/{dataset}/tables',
      handle: ({ params, query, caller }) => {
        const { project, dataset } = params as { project: string; dataset: string };
        metadata.dataset(project, dataset);
        demand(catalog, caller, 'metadata', { project, dataset });
        const all = catalog
          .tables(project, dataset)
          .filter((table) => metadata.find(table.path) !== undefined)
          .sort((a, b) => (a.path.table < b.path.table ? -1 : 1));
        const { page, nextPageToken } = pageByKey(all, (table) => table.path.table, query);
        return {
          kind: 'bigquery#tableList',
          etag: etagOf([...page]),
          ...(nextPageToken ? { nextPageToken } : {}),
          ...(page.length > 0 ? { tables: page.map(listedTable) } : {}),
          totalItems: all.length,
        };
      },
    },
    { method: 'POST', path: '/projects/{project}/datasets/{dataset}/tables', handle: create },
    {
      method: 'GET',
      path: '/projects/{project}/datasets/{dataset}/tables/{table}',
      handle: async ({ params, caller }) => {
        const path = pathOf(params);
        const table = metadata.table(path);
        demand(catalog, caller, 'metadata', path);
        return resource(table);
      },
    },
    { method: 'PATCH', path: '/projects/{project}/datasets/{dataset}/tables/{table}', handle: (request) => update(request, false) },
    { method: 'PUT', path: '/projects/{project}/datasets/{dataset}/tables/{table}', handle: (request) => update(request, true) },
    {
      method: 'DELETE',
      path: '/projects/{project}/datasets/{dataset}/tables/{table}',
      handle: async ({ params, caller }) => {
        const path = pathOf(params);
        metadata.table(path);
        demand(catalog, caller, 'write', path);
        await metadata.dropTable(path);
      },
    },
    {
      method: 'POST',
      path: '/projects/{project}/datasets/{dataset}/tables/{table}:getIamPolicy',
      handle: ({ params, caller }) => {
        const path = pathOf(params);
        const table = metadata.table(path);
        demand(catalog, caller, 'metadata', path);
        return { version: 1, etag: policyEtag(table), bindings: table.access ?? [] };
      },
    },
    {
      method: 'POST',
      path: '/projects/{project}/datasets/{dataset}/tables/{table}:setIamPolicy',
      handle: async ({ params, body, caller }) => {
        const path = pathOf(params);
        metadata.table(path);
        demand(catalog, caller, 'own', path);
        const bindings = Array.isArray(body.policy?.bindings) ? body.policy.bindings : [];
        const access = bindings.map((binding: { role: unknown; members?: unknown[] }) => ({
          role: String(binding.role),
          members: (binding.members ?? []).map(String),
        }));
        const record = await metadata.updateTable(path, (table) => {
          const read = body.policy?.etag;
          if (read && read !== policyEtag(table)) throw new ApiError('conditionNotMet', 'There were concurrent policy changes.');
          return { ...table, access };
        });
        return { version: 1, etag: policyEtag(record), bindings: access };
      },
    },
    {
      method: 'POST',
      path: '/projects/{project}/datasets/{dataset}/tables/{table}:testIamPermissions',
      handle: ({ params, body, caller }) => {
        const path = pathOf(params);
        const right = (permission: string) => (/get|list/i.test(permission) ? (/getData/.test(permission) ? 'read' : 'metadata') : 'write');
        return { permissions: (body.permissions ?? []).filter((p: string) => may(catalog, caller, right(p), path)) };
      },
    },
    {
      method: 'GET',
      path: '/projects/{project}/datasets/{dataset}/tables/{table}/rowAccessPolicies',
      handle: ({ params, caller }) => {
        const path = pathOf(params);
        const table = metadata.table(path);
        demand(catalog, caller, 'own', path);
        return {
          rowAccessPolicies: (table.policies ?? []).map((policy) => ({
            etag: etagOf(policy),
            rowAccessPolicyReference: { projectId: path.project, datasetId: path.dataset, tableId: path.table, policyId: policy.name },
            filterPredicate: policy.filter,
            creationTime: new Date(policy.created).toISOString(),
          })),
        };
      },
    },
    {
      method: 'GET',
      path: '/projects/{project}/datasets/{dataset}/models',
      handle: ({ params }) => {
        metadata.dataset(params.project!, params.dataset!);
        return {};
      },
    },
  ];
}
