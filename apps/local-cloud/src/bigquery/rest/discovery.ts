/** The discovery document: which methods there are, for clients that build themselves from it. */
import type { Service } from '../service.ts';
import type { Route } from './http.ts';

type Method = readonly [resource: string, name: string, http: string, path: string, query?: string];
const D = 'projects/{+projectId}/datasets';
const T = `${D}/{+datasetId}/tables`;
const R = `${D}/{+datasetId}/routines`;
const J = 'projects/{+projectId}/jobs';
const methods: readonly Method[] = [
  ['projects', 'list', 'GET', 'projects', 'maxResults pageToken'],
  ['projects', 'getServiceAccount', 'GET', 'projects/{+projectId}/serviceAccount'],
  ['datasets', 'list', 'GET', D, 'all filter maxResults pageToken'],
  ['datasets', 'insert', 'POST', D, 'accessPolicyVersion'],
  ['datasets', 'get', 'GET', `${D}/{+datasetId}`, 'accessPolicyVersion datasetView'],
  ['datasets', 'patch', 'PATCH', `${D}/{+datasetId}`, 'accessPolicyVersion updateMode'],
  ['datasets', 'update', 'PUT', `${D}/{+datasetId}`, 'accessPolicyVersion updateMode'],
  ['datasets', 'delete', 'DELETE', `${D}/{+datasetId}`, 'deleteContents'],
  ['tables', 'list', 'GET', T, 'maxResults pageToken'],
  ['tables', 'insert', 'POST', T],
  ['tables', 'get', 'GET', `${T}/{+tableId}`, 'selectedFields view'],
  ['tables', 'patch', 'PATCH', `${T}/{+tableId}`, 'autodetect_schema'],
  ['tables', 'update', 'PUT', `${T}/{+tableId}`, 'autodetect_schema'],
  ['tables', 'delete', 'DELETE', `${T}/{+tableId}`],
  ['tables', 'getIamPolicy', 'POST', `${T}/{+tableId}:getIamPolicy`],
  ['tables', 'setIamPolicy', 'POST', `${T}/{+tableId}:setIamPolicy`],
  ['tables', 'testIamPermissions', 'POST', `${T}/{+tableId}:testIamPermissions`],
  ['rowAccessPolicies', 'list', 'GET', `${T}/{+tableId}/rowAccessPolicies`, 'pageSize pageToken'],
  ['tabledata', 'list', 'GET', `${T}/{+tableId}/data`, 'formatOptions.useInt64Timestamp maxResults pageToken selectedFields startIndex'],
  ['tabledata', 'insertAll', 'POST', `${T}/{+tableId}/insertAll`],
  ['routines', 'list', 'GET', R, 'filter maxResults pageToken readMask'],
  ['routines', 'insert', 'POST', R],
  ['routines', 'get', 'GET', `${R}/{+routineId}`, 'readMask'],
  ['routines', 'update', 'PUT', `${R}/{+routineId}`],
  ['routines', 'delete', 'DELETE', `${R}/{+routineId}`],
  ['jobs', 'list', 'GET', J, 'allUsers maxCreationTime maxResults minCreationTime pageToken parentJobId projection stateFilter'],
  ['jobs', 'insert', 'POST', J],
  ['jobs', 'get', 'GET', `${J}/{+jobId}`, 'location'],
  ['jobs', 'cancel', 'POST', `${J}/{+jobId}/cancel`, 'location'],
  ['jobs', 'delete', 'DELETE', `${J}/{+jobId}/delete`, 'location'],
  ['jobs', 'query', 'POST', 'projects/{+projectId}/queries'],
  [
    'jobs',
    'getQueryResults',
    'GET',
    'projects/{+projectId}/queries/{+jobId}',
    'location maxResults pageToken startIndex timeoutMs formatOptions.useInt64Timestamp',
  ],
];
const schemas = { JsonObject: { id: 'JsonObject', type: 'object', additionalProperties: { type: 'any' } } };

function describe([resource, name, httpMethod, path, query]: Method): Record<string, unknown> {
  const inPath = [...path.matchAll(/\{\+(\w+)\}/g)].map((match) => match[1]!);
  const upload = resource === 'jobs' && name === 'insert';
  return {
    id: `bigquery.${resource}.${name}`,
    path,
    flatPath: path.replaceAll('{+', '{'),
    httpMethod,
    parameters: {
      ...Object.fromEntries(
        inPath.map((parameter) => [parameter, { type: 'string', required: true, location: 'path', pattern: '^[^/]+$' }]),
      ),
      ...Object.fromEntries(
        (query ?? '')
          .split(' ')
          .filter(Boolean)
          .map((parameter) => [
            parameter,
            { type: 'string', location: 'query', ...(parameter === 'stateFilter' ? { repeated: true } : {}) },
          ]),
      ),
    },
    parameterOrder: inPath,
    ...(httpMethod === 'POST' || httpMethod === 'PUT' || httpMethod === 'PATCH' ? { request: { $ref: 'JsonObject' } } : {}),
    response: { $ref: 'JsonObject' },
    scopes: ['https://www.googleapis.com/auth/bigquery'],
    ...(upload
      ? {
          supportsMediaUpload: true,
          mediaUpload: {
            accept: ['*/*'],
            protocols: {
              simple: { multipart: true, path: `/upload/bigquery/v2/${J}` },
              resumable: { multipart: true, path: `/resumable/upload/bigquery/v2/${J}` },
            },
          },
        }
      : {}),
  };
}

export function discoveryRoutes(service: Service): Route[] {
  const document = () => {
    const resources: Record<string, { methods: Record<string, unknown> }> = {};
    for (const method of methods) {
      resources[method[0]] ??= { methods: {} };
      resources[method[0]]!.methods[method[1]] = describe(method);
    }
    return {
      kind: 'discovery#restDescription',
      discoveryVersion: 'v1',
      id: 'bigquery:v2',
      name: 'bigquery',
      version: 'v2',
      revision: '20250528',
      title: 'BigQuery API',
      description: 'A data platform for customers to create, manage, share and query data.',
      ownerDomain: 'google.com',
      ownerName: 'Google',
      protocol: 'rest',
      rootUrl: `${service.origin}/`,
      servicePath: 'bigquery/v2/',
      basePath: '/bigquery/v2/',
      baseUrl: `${service.origin}/bigquery/v2/`,
      batchPath: 'batch/bigquery/v2',
      parameters: {
        prettyPrint: { type: 'boolean', default: 'true', location: 'query' },
        alt: { type: 'string', default: 'json', location: 'query' },
        fields: { type: 'string', location: 'query' },
        key: { type: 'string', location: 'query' },
        quotaUser: { type: 'string', location: 'query' },
      },
      auth: {
        oauth2: { scopes: { 'https://www.googleapis.com/auth/bigquery': { description: 'View and manage your data in BigQuery' } } },
      },
      schemas,
      resources,
    };
  };
  return [
    { method: 'GET', path: '/discovery/v1/apis/bigquery/v2/rest', handle: document },
    { method: 'GET', path: '/$discovery/rest', handle: document },
    {
      method: 'GET',
      path: '/discovery/v1/apis',
      handle: () => ({
        kind: 'discovery#directoryList',
        discoveryVersion: 'v1',
        items: [
          {
            kind: 'discovery#directoryItem',
            id: 'bigquery:v2',
            name: 'bigquery',
            version: 'v2',
            title: 'BigQuery API',
            preferred: true,
            discoveryRestUrl: `${service.origin}/discovery/v1/apis/bigquery/v2/rest`,
          },
        ],
      }),
    },
  ];
}
