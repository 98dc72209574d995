/**
 * OpenAPI 3.1 from the operations themselves: the same schemas that check requests, so the page can not drift from the code.
 */
import { ERRORS, type ErrorCode, type Operation } from '@convergence/contracts';

export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  readonly operations: readonly Operation[];
  /** What whoever serves an operation may answer besides what it declares. */
  readonly also?: (operation: Operation) => readonly ErrorCode[];
}

type Json = Record<string, unknown>;

const SECURITY: Record<Operation['auth'], Json[]> = {
  tenant: [{ apiKey: [] }, { adminKey: [] }, { adminToken: [] }],
  'tenant-only': [{ apiKey: [] }],
  admin: [{ adminKey: [] }, { adminToken: [] }],
  open: [],
  onboarding: [{}, { apiKey: [] }, { adminKey: [] }, { adminToken: [] }],
  signature: [],
};

export function openapi(options: OpenApiOptions): Json {
  const paths: Record<string, Json> = {};
  for (const operation of options.operations) {
    paths[operation.path] ??= {};
    (paths[operation.path] as Json)[operation.method.toLowerCase()] = describe(operation, options.also?.(operation) ?? []);
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: { title: options.title, version: options.version, ...(options.description && { description: options.description }) },
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: "A tenant's key." },
        adminKey: { type: 'apiKey', in: 'header', name: 'X-Admin-Key', description: "The operator's key." },
        adminToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A Google-signed OIDC token.' },
      },
      schemas: { Problem: PROBLEM },
    },
  };
}

function describe(operation: Operation, also: readonly ErrorCode[]): Json {
  const success = String(operation.successStatus ?? 200);
  const type = operation.responseType ?? 'application/json';
  return {
    operationId: operation.id,
    summary: operation.summary,
    tags: [operation.id.split('.')[0]],
    security: SECURITY[operation.auth],
    ...(operation.scope && { 'x-scope': operation.scope }),
    ...parameters(operation),
    ...(operation.body && {
      requestBody: { required: !operation.bodyOptional, content: { 'application/json': { schema: plain(operation.body) } } },
    }),
    responses: {
      [success]:
        success === '204' ? { description: 'Done' } : { description: 'Done', content: { [type]: { schema: plain(operation.response) } } },
      ...problems(operation, also),
    },
  };
}

function parameters(operation: Operation): Json {
  const of = (where: 'path' | 'query', schema: unknown) => {
    const { properties = {}, required = [] } = (schema ?? {}) as { properties?: Record<string, Json>; required?: string[] };
    return Object.entries(properties).map(([name, property]) => ({
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      ...(typeof property.description === 'string' && { description: property.description }),
      schema: plain(property),
    }));
  };
  const all = [...of('path', operation.params), ...of('query', operation.query)];
  return all.length > 0 ? { parameters: all } : {};
}

const OF_TENANT = ['auth.invalid_api_key', 'auth.other_tenant', 'tenant.suspended', 'tenant.inactive'] as const;
const CREDENTIALS: Record<Operation['auth'], readonly ErrorCode[]> = {
  tenant: [...OF_TENANT, 'auth.invalid_admin_key'],
  'tenant-only': OF_TENANT,
  admin: ['auth.invalid_admin_key'],
  open: [],
  onboarding: [...OF_TENANT, 'auth.invalid_admin_key'],
  signature: [],
};

/** Every answer an operation may give besides success: its own codes and those that the edge gives to all. */
function problems(operation: Operation, also: readonly ErrorCode[]): Json {
  const codes = new Set<ErrorCode>([...operation.errors, ...also, ...CREDENTIALS[operation.auth]]);
  // A body is read wherever one may come.
  if (operation.method !== 'GET')
    for (const code of ['request.malformed', 'request.too_large', 'request.not_json'] as const) codes.add(code);
  for (const code of ['request.invalid', 'service.unavailable', 'internal.unexpected'] as const) codes.add(code);
  if (operation.scope) codes.add('auth.scope_missing');
  if (operation.rateLimited) codes.add('quota.rate_exceeded');
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      String(status),
      {
        description: ofStatus.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('. '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        ...((status === 429 || status === 503) && {
          headers: { 'Retry-After': { description: 'Seconds until asking again may help', schema: { type: 'integer' } } },
        }),
      },
    ]),
  );
}

/** Schemas carry symbols and methods of their library; only what JSON says is part of the page. */
const plain = (schema: unknown): unknown => JSON.parse(JSON.stringify(schema));

const PROBLEM = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'string', enum: Object.keys(ERRORS) },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { in: { type: 'string' }, path: { type: 'string' }, message: { type: 'string' } } },
    },
    trace_id: { type: 'string' },
  },
};
