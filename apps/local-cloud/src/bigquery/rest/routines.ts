/** SQL functions over REST: list, get, insert, update, delete. */
import type { SqlType } from '../../googlesql/contract.ts';
import { demand } from '../catalog/access.ts';
import { etagOf, type RoutineRecord } from '../catalog/catalog.ts';
import { ApiError, invalid, required } from '../errors.ts';
import type { Service } from '../service.ts';
import type { Json, RestRequest, Route } from './http.ts';

/** StandardSqlDataType */
const typeJson = (type: SqlType): Json =>
  type.kind === 'ARRAY'
    ? { typeKind: 'ARRAY', arrayElementType: typeJson(type.element) }
    : type.kind === 'STRUCT'
      ? { typeKind: 'STRUCT', structType: { fields: type.fields.map((field) => ({ name: field.name, type: typeJson(field.type) })) } }
      : { typeKind: type.kind };

function typeFrom(json: Json): SqlType {
  const kind = String(json?.typeKind ?? '').toUpperCase();
  if (kind === 'ARRAY') return { kind, element: typeFrom(json.arrayElementType) };
  if (kind === 'STRUCT')
    return { kind, fields: (json.structType?.fields ?? []).map((field: Json) => ({ name: field.name ?? '', type: typeFrom(field.type) })) };
  const scalars = [
    'INT64',
    'FLOAT64',
    'NUMERIC',
    'BIGNUMERIC',
    'BOOL',
    'STRING',
    'BYTES',
    'DATE',
    'TIME',
    'DATETIME',
    'TIMESTAMP',
    'JSON',
    'INTERVAL',
    'GEOGRAPHY',
  ];
  if (!scalars.includes(kind)) throw invalid(`Invalid value for typeKind: ${kind}`);
  return { kind } as SqlType;
}

export function routineRoutes(service: Service): Route[] {
  const { metadata, store } = service;
  const resource = (record: RoutineRecord): Json => {
    const { path, args, returns, bodySql, kind } = record.routine;
    return {
      etag: etagOf({ ...record, routine: { ...record.routine } }),
      routineReference: { projectId: path.project, datasetId: path.dataset, routineId: path.routine },
      routineType: kind === 'TABLE' ? 'TABLE_VALUED_FUNCTION' : 'SCALAR_FUNCTION',
      creationTime: String(record.created),
      lastModifiedTime: String(record.modified),
      language: 'SQL',
      arguments: args.map(({ name, type }) =>
        type === 'ANY TYPE' ? { name, argumentKind: 'ANY_TYPE' } : { name, argumentKind: 'FIXED_TYPE', dataType: typeJson(type) },
      ),
      ...(returns ? { returnType: typeJson(returns) } : {}),
      definitionBody: bodySql,
      ...(record.description === undefined ? {} : { description: record.description }),
    };
  };
  const find = ({ params }: RestRequest): RoutineRecord => {
    metadata.dataset(params.project!, params.dataset!);
    const record = store.catalog.routine(params.project!, params.dataset!, params.routine!);
    if (!record) throw new ApiError('notFound', `Not found: Routine ${params.project}:${params.dataset}.${params.routine}`);
    return record;
  };
  const put = async ({ params, body, caller }: RestRequest, name: unknown, orReplace: boolean) => {
    const { project, dataset } = params as { project: string; dataset: string };
    if (typeof name !== 'string' || name === '') throw required('routineReference.routineId');
    metadata.dataset(project, dataset);
    demand(store.catalog, caller, 'write', { project, dataset });
    if (body.language && body.language !== 'SQL') throw invalid(`Routines in ${body.language} are not supported, only SQL.`);
    if (body.routineType && body.routineType !== 'SCALAR_FUNCTION' && body.routineType !== 'TABLE_VALUED_FUNCTION')
      throw invalid(`Unsupported routineType: ${body.routineType}`);
    if (typeof body.definitionBody !== 'string') throw required('definitionBody');
    const now = Date.now();
    const record: RoutineRecord = {
      routine: {
        path: { project, dataset, routine: name },
        args: (body.arguments ?? []).map((arg: Json) => ({
          name: String(arg.name),
          type: arg.argumentKind === 'ANY_TYPE' ? 'ANY TYPE' : typeFrom(arg.dataType),
        })),
        ...(body.returnType ? { returns: typeFrom(body.returnType) } : {}),
        bodySql: body.definitionBody,
        kind: body.routineType === 'TABLE_VALUED_FUNCTION' ? 'TABLE' : 'SCALAR',
      },
      created: now,
      modified: now,
      ...(body.description === undefined ? {} : { description: String(body.description) }),
    };
    await metadata.putRoutine(record, { orReplace, ifNotExists: false });
    return resource(record);
  };
  const base = '/projects/{project}/datasets/{dataset}/routines';
  return [
    {
      method: 'GET',
      path: base,
      handle: ({ params, caller }) => {
        const { project, dataset } = params as { project: string; dataset: string };
        metadata.dataset(project, dataset);
        demand(store.catalog, caller, 'metadata', { project, dataset });
        return { routines: store.catalog.routines(project, dataset).map(resource) };
      },
    },
    { method: 'POST', path: base, handle: (request) => put(request, request.body.routineReference?.routineId, false) },
    {
      method: 'GET',
      path: `${base}/{routine}`,
      handle: (request) => {
        const record = find(request);
        demand(store.catalog, request.caller, 'metadata', { project: request.params.project!, dataset: request.params.dataset! });
        return resource(record);
      },
    },
    {
      method: 'PUT',
      path: `${base}/{routine}`,
      handle: (request) => {
        find(request);
        return put(request, request.params.routine, true);
      },
    },
    {
      method: 'DELETE',
      path: `${base}/{routine}`,
      handle: async (request) => {
        find(request);
        const { project, dataset, routine } = request.params as { project: string; dataset: string; routine: string };
        demand(store.catalog, request.caller, 'write', { project, dataset });
        await metadata.dropRoutine(project, dataset, routine, false);
      },
    },
  ];
}
