/** Projects and datasets over REST. */
import { demand, may } from '../catalog/access.ts';
import { type AccessEntry, type DatasetRecord, etagOf } from '../catalog/catalog.ts';
import { invalid, required } from '../errors.ts';
import type { Service } from '../service.ts';
import type { Json, RestRequest, Route } from './http.ts';
import { mergeLabels } from './labels.ts';
import { pageByKey } from './paging.ts';

const kept = ['defaultPartitionExpirationMs', 'defaultTableExpirationMs', 'description', 'friendlyName'] as const;
const passedOn = [
  'defaultCollation',
  'isCaseInsensitive',
  'maxTimeTravelHours',
  'storageBillingModel',
  'defaultRoundingMode',
  'defaultEncryptionConfiguration',
  'resourceTags',
];

export function datasetRoutes(service: Service): Route[] {
  const { store, metadata } = service;
  const { catalog } = store;

  const resource = (record: DatasetRecord) => ({
    kind: 'bigquery#dataset',
    etag: etagOf(record),
    id: `${record.project}:${record.dataset}`,
    selfLink: `${service.origin}/bigquery/v2/projects/${record.project}/datasets/${record.dataset}`,
    datasetReference: { datasetId: record.dataset, projectId: record.project },
    ...Object.fromEntries(kept.flatMap((name) => (record[name] === undefined ? [] : [[name, record[name]]]))),
    ...(record.labels && Object.keys(record.labels).length > 0 ? { labels: record.labels } : {}),
    access: record.access,
    creationTime: String(record.created),
    lastModifiedTime: String(record.modified),
    location: record.location,
    type: 'DEFAULT',
    ...record.other,
  });

  const access = (given: Json, caller: RestRequest['caller']): AccessEntry[] => {
    if (given === undefined) {
      return [
        { role: 'WRITER', specialGroup: 'projectWriters' },
        { role: 'OWNER', specialGroup: 'projectOwners' },
        { role: 'OWNER', userByEmail: caller.subject },
        { role: 'READER', specialGroup: 'projectReaders' },
      ];
    }
    if (!Array.isArray(given) || given.some((entry) => entry === null || typeof entry !== 'object'))
      throw invalid('Invalid value for access: it must be a list of entries.');
    return given as AccessEntry[];
  };

  const settings = (body: Json): Partial<DatasetRecord> => {
    const found: Record<string, unknown> = {};
    for (const name of kept) if (body[name] !== undefined && body[name] !== null) found[name] = String(body[name]);
    const other = Object.fromEntries(passedOn.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]])));
    if (Object.keys(other).length > 0) found.other = other;
    return found;
  };

  const update = async (request: RestRequest, replace: boolean) => {
    const { project, dataset } = request.params as { project: string; dataset: string };
    metadata.dataset(project, dataset);
    demand(catalog, request.caller, 'own', { project, dataset });
    service.rates.datasetUpdate(`${project}.${dataset}`);
    const { body } = request;
    return resource(
      await metadata.updateDataset(
        project,
        dataset,
        (old) => {
          const next: Record<string, unknown> = { ...old };
          for (const name of kept) if (replace || body[name] === null) delete next[name];
          Object.assign(next, settings(body));
          if (old.other && !replace) next.other = { ...old.other, ...(next.other as object) };
          if (body.access !== undefined) next.access = access(body.access, request.caller);
          if (replace || body.labels !== undefined) next.labels = mergeLabels(replace ? {} : old.labels, body.labels);
          return next as unknown as DatasetRecord;
        },
        request.http.headers['if-match'],
      ),
    );
  };

  return [
    {
      method: 'GET',
      path: '/projects',
      handle: () => {
        const projects = [...new Set([service.project, ...catalog.projects()])];
        return {
          kind: 'bigquery#projectList',
          etag: etagOf(projects),
          projects: projects.map((id) => ({
            kind: 'bigquery#project',
            id,
            numericId: '1',
            projectReference: { projectId: id },
            friendlyName: id,
          })),
          totalItems: projects.length,
        };
      },
    },
    {
      method: 'GET',
      path: '/projects/{project}/serviceAccount',
      handle: ({ params }) => ({ kind: 'bigquery#getServiceAccountResponse', email: `bq-1@${params.project}.local-cloud` }),
    },
    {
      method: 'GET',
      path: '/projects/{project}/datasets',
      handle: ({ params, query, caller }) => {
        const project = params.project!;
        const filters = (query.get('filter') ?? '').split(/\s+/).filter(Boolean);
        const matches = (record: DatasetRecord) =>
          filters.every((filter) => {
            const m = /^labels\.([^:]+)(?::(.*))?$/.exec(filter);
            if (!m) throw invalid(`Invalid filter: ${filter}`);
            const value = record.labels?.[m[1]!];
            return value !== undefined && (m[2] === undefined || m[2] === '*' || m[2] === value);
          });
        const all = catalog
          .datasets(project)
          .filter((record) => may(catalog, caller, 'metadata', record) && matches(record))
          .sort((a, b) => (a.dataset < b.dataset ? -1 : 1));
        const { page, nextPageToken } = pageByKey(all, (record) => record.dataset, query);
        return {
          kind: 'bigquery#datasetList',
          etag: etagOf([...page]),
          ...(nextPageToken ? { nextPageToken } : {}),
          ...(page.length > 0
            ? {
                datasets: page.map((record) => ({
                  kind: 'bigquery#dataset',
                  id: `${project}:${record.dataset}`,
                  datasetReference: { datasetId: record.dataset, projectId: project },
                  location: record.location,
                  ...(record.labels ? { labels: record.labels } : {}),
                  ...(record.friendlyName ? { friendlyName: record.friendlyName } : {}),
                })),
              }
            : {}),
        };
      },
    },
    {
      method: 'POST',
      path: '/projects/{project}/datasets',
      handle: async ({ params, body, caller }) => {
        const project = params.project!;
        const dataset = body.datasetReference?.datasetId;
        if (typeof dataset !== 'string' || dataset === '') throw required('datasetReference.datasetId');
        if (body.datasetReference.projectId && body.datasetReference.projectId !== project)
          throw invalid(`Dataset's project ${body.datasetReference.projectId} does not match the request's ${project}`);
        const record = await metadata.createDataset({
          project,
          dataset,
          location: typeof body.location === 'string' && body.location !== '' ? body.location : service.location,
          access: access(body.access, caller),
          ...settings(body),
          ...(body.labels ? { labels: mergeLabels({}, body.labels) } : {}),
        });
        return resource(record);
      },
    },
    {
      method: 'GET',
      path: '/projects/{project}/datasets/{dataset}',
      handle: ({ params, caller }) => {
        const { project, dataset } = params as { project: string; dataset: string };
        const record = metadata.dataset(project, dataset);
        demand(catalog, caller, 'metadata', { project, dataset });
        return resource(record);
      },
    },
    { method: 'PATCH', path: '/projects/{project}/datasets/{dataset}', handle: (request) => update(request, false) },
    { method: 'PUT', path: '/projects/{project}/datasets/{dataset}', handle: (request) => update(request, true) },
    {
      method: 'DELETE',
      path: '/projects/{project}/datasets/{dataset}',
      handle: async ({ params, query, caller }) => {
        const { project, dataset } = params as { project: string; dataset: string };
        metadata.dataset(project, dataset);
        demand(catalog, caller, 'own', { project, dataset });
        await metadata.dropDataset(project, dataset, { cascade: /^true$/i.test(query.get('deleteContents') ?? '') });
      },
    },
  ];
}
