/** Rows over REST without SQL: tabledata.list and tabledata.insertAll. */

import type { DuckDBValue } from '@duckdb/node-api';
import type { Column, SqlType } from '../../googlesql/contract.ts';
import { quote } from '../../googlesql/sql-type.ts';
import { demand } from '../catalog/access.ts';
import { etagOf } from '../catalog/catalog.ts';
import { readingAll } from '../catalog/moved.ts';
import { ApiError, invalid } from '../errors.ts';
import { firstRows } from '../jobs/results.ts';
import type { Service } from '../service.ts';
import { rowValues } from '../storage/streaming.ts';
import { Misfit } from '../values/from-json.ts';
import { withFloatTimestamps } from '../values/to-wire.ts';
import type { RestRequest, Route } from './http.ts';
import { countOf, offsetOf, tokenFor } from './paging.ts';
import { pathOf } from './tables.ts';

const MAX_ROWS = 50_000;
const PAGE = 10_000;

export const int64Timestamps = (query: URLSearchParams) => query.get('formatOptions.useInt64Timestamp') === 'true';

export function tabledataRoutes(service: Service): Route[] {
  const { store, metadata } = service;

  const list = async ({ params, query, caller }: RestRequest) => {
    const path = pathOf(params);
    const table = metadata.table(path);
    demand(store.catalog, caller, 'read', path);
    if (table.kind === 'VIEW') throw invalid(`Cannot list a table of type VIEW.`);
    if (table.policies?.length)
      throw new ApiError(
        'accessDenied',
        `Access Denied: Table ${path.project}:${path.dataset}.${path.table}: tabledata.list is not allowed on a table with row access policies.`,
      );
    const start = offsetOf(query.get('pageToken')) ?? countOf(query.get('startIndex'), 0, 'startIndex');
    const limit = Math.min(countOf(query.get('maxResults'), PAGE), PAGE);
    const selected = selectColumns(table.columns, query.get('selectedFields'));
    await store.readable([table]);
    const { rows: total } = await service.sizes.of(table);
    const columns = selected.map(({ name }) => quote(name)).join(', ');
    const page = () =>
      store.database.use((connection) =>
        firstRows(connection, `SELECT ${columns} FROM ${store.catalog.rowsOf(table)} LIMIT ${limit} OFFSET ${start}`, selected),
      );
    const rows = await readingAll(store.catalog, [table], (steady) => steady(page));
    const next = start + rows.length;
    return {
      kind: 'bigquery#tableDataList',
      etag: etagOf({ id: table.id, version: store.version(table.id), start, limit }),
      totalRows: String(total),
      ...(next < total && rows.length > 0 ? { pageToken: tokenFor(next) } : {}),
      ...(rows.length > 0 ? { rows: int64Timestamps(query) ? rows : withFloatTimestamps(selected, rows) } : {}),
    };
  };

  const insertAll = async ({ params, body, caller }: RestRequest) => {
    const path = pathOf(params);
    const table = metadata.table(path);
    demand(store.catalog, caller, 'write', path);
    if (table.kind === 'VIEW') throw invalid(`Cannot add rows to a table of type VIEW.`);
    const given = body.rows;
    if (!Array.isArray(given) || given.length === 0) throw invalid('No rows present in the request.');
    if (given.length > MAX_ROWS) throw invalid(`Too many rows in the request: at most ${MAX_ROWS}.`);
    const errors: { index: number; errors: unknown[] }[] = [];
    const good: { index: number; json: Record<string, unknown>; values: DuckDBValue[]; insertId: string | undefined }[] = [];
    for (const [index, row] of given.entries()) {
      try {
        const json = row?.json;
        if (json === null || typeof json !== 'object' || Array.isArray(json))
          throw new Misfit('', 'Missing or malformed row: json must be an object.');
        const known = knownOnly(table.columns, json, body.ignoreUnknownValues === true);
        good.push({
          index,
          json: known,
          values: rowValues(table, known),
          insertId: row.insertId === undefined ? undefined : String(row.insertId),
        });
      } catch (error) {
        if (!(error instanceof Misfit)) throw error;
        errors.push({ index, errors: [{ reason: 'invalid', location: error.location, debugInfo: '', message: error.message }] });
      }
    }
    if (errors.length > 0 && body.skipInvalidRows !== true) {
      for (const { index } of good) errors.push({ index, errors: [{ reason: 'stopped', location: '', debugInfo: '', message: '' }] });
      good.length = 0;
    }
    const fresh = good.filter(({ insertId }) => insertId === undefined || insertId === '' || !service.streaming.duplicate(table, insertId));
    await service.streaming.insert(
      table,
      fresh.map(({ json }) => json),
      fresh.map(({ values }) => values),
    );
    service.control.stats.count(
      { product: 'bigquery', caller: caller.subject, resource: `${path.dataset}.${path.table}` },
      { insertAll: 1, rows: fresh.length },
    );
    return {
      kind: 'bigquery#tableDataInsertAllResponse',
      ...(errors.length > 0 ? { insertErrors: errors.sort((a, b) => a.index - b.index) } : {}),
    };
  };

  return [
    { method: 'GET', path: '/projects/{project}/datasets/{dataset}/tables/{table}/data', handle: list },
    { method: 'POST', path: '/projects/{project}/datasets/{dataset}/tables/{table}/insertAll', handle: insertAll },
  ];
}

/** Refuses, or drops, what the schema does not have, at any depth. */
function knownOnly(
  columns: readonly { readonly name: string; readonly type: SqlType }[],
  row: Record<string, unknown>,
  ignore: boolean,
  prefix = '',
): Record<string, unknown> {
  const byName = new Map(columns.map((column) => [column.name.toLowerCase(), column]));
  const known: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(row)) {
    const column = byName.get(key.toLowerCase());
    if (!column) {
      if (ignore) continue;
      throw new Misfit(`${prefix}${key}`, `no such field: ${prefix}${key}.`);
    }
    const element = column.type.kind === 'ARRAY' ? column.type.element : column.type;
    const inner = (item: unknown) =>
      element.kind === 'STRUCT' && item !== null && typeof item === 'object' && !Array.isArray(item)
        ? knownOnly(element.fields, item as Record<string, unknown>, ignore, `${prefix}${key}.`)
        : item;
    known[key] = Array.isArray(value) ? value.map(inner) : inner(value);
  }
  return known;
}

function selectColumns(columns: readonly Column[], fields: string | null): readonly Column[] {
  if (!fields) return columns;
  return fields.split(',').map((field) => {
    const name = field.trim().split('.')[0]!.toLowerCase();
    const column = columns.find((candidate) => candidate.name.toLowerCase() === name);
    if (!column) throw invalid(`No such field: ${field.trim()}`);
    return column;
  });
}
