import { type KeyLookupResponse, type NameCommandsRequest, OPERATIONS, type Operation, problemType, SCOPES } from '@convergence/contracts';
import { type RunningService, startService, systemClock } from '@convergence/service';
import { type FakeBus, fakeBus } from '@convergence/testing';
import { digest } from '../auth/digest.ts';
import { checkConfig, fields } from '../config.ts';
import { customersAlias } from '../edge/customers.ts';
import { gateway } from '../service.ts';
import type { Templates } from '../templates.ts';
import { type Asked, type FakeOwner, fakeOwner } from './fake-owner.ts';
import { sample } from './sample.ts';

/** A whole gateway in this process on a port of its own, with owners that answer what each operation declares. */
export interface GatewayUnderTest {
  readonly url: string;
  readonly bus: FakeBus;
  readonly tenants: FakeOwner;
  readonly scheduler: FakeOwner;
  readonly executor: FakeOwner;
  /** API keys that exist. */
  readonly keys: Map<string, NonNullable<KeyLookupResponse['key']>>;
  readonly lookups: string[];
  /** What tenant-service remembers of commands, by name. */
  readonly commands: Map<string, { readonly request: string; readonly made: string | null }>;
  ask(method: string, path: string, options?: AskOptions): Promise<Answered>;
  close(): Promise<void>;
}
export interface AskOptions {
  readonly key?: string;
  readonly admin?: string;
  readonly headers?: Record<string, string>;
  /** JSON unless it is text. */
  readonly body?: unknown;
}
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
  readonly body: any;
}
export const ACME_KEY = 'acme_corp_api_0123456789abcdef';
export const ADMIN_KEY = 'test-admin-key';

const anyTemplate: Templates = {
  resolve: ({ tenantId, provider, domain, template, parameters }) => ({
    pipeline_id: `${tenantId}-${provider}-${domain}-${template}`,
    provider,
    domain,
    template,
    parameters: { ...parameters },
    parameters_hash: '0123456789abcdef',
    run_date: null,
  }),
};

export async function startGateway(env: Record<string, string> = {}, templates: Templates = anyTemplate): Promise<GatewayUnderTest> {
  const keys: GatewayUnderTest['keys'] = new Map();
  keys.set(ACME_KEY, { api_key_id: 'key-acme', tenant_id: 'acme_corp', scopes: [...SCOPES], expires_at: null, tenant_status: 'ACTIVE' });
  const lookups: string[] = [];
  const commands: GatewayUnderTest['commands'] = new Map();
  const named = ({ name, request }: NameCommandsRequest['commands'][number]) => {
    const known = commands.get(name) ?? { request, made: null };
    commands.set(name, known);
    return known.request === request
      ? { command: `${name}@1`, made: known.made, named_at: new Date().toISOString() }
      : { command: null, made: null, named_at: null };
  };
  const tenants = await fakeOwner((asked) => {
    if (asked.path === '/internal/api-keys/lookup') {
      const { api_key_hash } = asked.json as { api_key_hash: string };
      lookups.push(api_key_hash);
      const found = [...keys].find(([key]) => digest(key).toString('hex') === api_key_hash);
      return { body: { key: found?.[1] ?? null } };
    }
    if (asked.path === '/internal/commands') return { body: { commands: (asked.json as NameCommandsRequest).commands.map(named) } };
    return declared(asked);
  });
  const [scheduler, executor] = await Promise.all([fakeOwner(declared), fakeOwner(declared)]);
  const bus = fakeBus();
  const owners = [tenants, scheduler, executor];
  const service = await startService({
    name: 'gateway',
    fields,
    check: checkConfig,
    env: {
      PORT: '0',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'silent',
      ADMIN_API_KEY: ADMIN_KEY,
      RATE_LIMIT_PER_MINUTE: '1000000',
      TENANT_SERVICE_URL: tenants.url,
      SCHEDULER_SERVICE_URL: scheduler.url,
      EXECUTOR_SERVICE_URL: executor.url,
      ...Object.fromEntries(['PUBSUB', 'BIGQUERY', 'BIGQUERY_STORAGE', 'KMS'].map((name) => [`${name}_EMULATOR_HOST`, '127.0.0.1:1'])),
      ...env,
    },
    build: (context) => gateway(context, { bus, templates, clock: systemClock, version: '0.0.0' }),
  }).catch(async (error: unknown) => {
    await Promise.all(owners.map((owner) => owner.close()));
    throw error;
  });
  const url = `http://127.0.0.1:${service.port}`;
  return {
    url,
    bus,
    tenants,
    scheduler,
    executor,
    keys,
    lookups,
    commands,
    ask: (method, path, options = {}) => ask(url + path, method, options),
    close: () => closeAll(service, owners),
  };
}

async function ask(url: string, method: string, { key, admin, headers, body }: AskOptions): Promise<Answered> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(key && { 'x-api-key': key }),
      ...(admin && { 'x-admin-key': admin }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, headers: response.headers, body: json && text !== '' ? JSON.parse(text) : text };
}

async function closeAll(service: RunningService, owners: readonly FakeOwner[]): Promise<void> {
  await service.stop();
  await Promise.all(owners.map((owner) => owner.close()));
}

/** What the operation at this path declares as its answer. */
function declared({ method, path }: Asked) {
  const bare = path.split('?')[0] ?? '';
  if (bare === '/internal/api-keys/used') return { status: 204 };
  const operation = OPERATIONS.find((candidate) => candidate.method === method && matches(candidate.path, bare));
  if (!operation) {
    return {
      status: 404,
      body: { type: problemType('request.unknown_path'), code: 'request.unknown_path', status: 404, detail: `no ${bare}` },
    };
  }
  return { status: operation.successStatus ?? 200, body: sample(operation.response) };
}
const matches = (template: string, path: string): boolean => new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(path);

/** Every operation as it is served: under its own path, and under its alias. */
export const SERVED: readonly Operation[] = OPERATIONS.flatMap((operation) => {
  const alias = customersAlias(operation);
  return alias ? [operation, alias] : [operation];
});

/** The operation's path with these values, samples for the rest; its required query fields too. */
export function pathOf(operation: Operation, values: Record<string, string> = {}): string {
  const samples = { ...(operation.params ? (sample(operation.params) as Record<string, unknown>) : {}), ...values };
  return operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(samples[name])));
}
