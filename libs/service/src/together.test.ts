import { Refusal, type TenantId, Transient } from '@convergence/contracts';
import { afterEach, describe, expect, test } from '@jest/globals';
import Type from 'typebox';
import { baseFields } from './base-config.ts';
import { internalClient } from './internal-client.ts';
import { TokenSigner } from './principal-token.ts';
import { internalRoute, type Route, route } from './route.ts';
import { type RunningService, startService } from './run.ts';

const KEY = 'test-signing-key-of-enough-length!!!!';
const env = {
  PORT: '0',
  HOST: '127.0.0.1',
  LOG_LEVEL: 'silent',
  INTERNAL_SIGNING_KEY: KEY,
  PUBSUB_EMULATOR_HOST: '127.0.0.1:1',
  BIGQUERY_EMULATOR_HOST: '127.0.0.1:1',
  BIGQUERY_STORAGE_EMULATOR_HOST: '127.0.0.1:1',
  KMS_EMULATOR_HOST: '127.0.0.1:1',
};
let service: RunningService;
afterEach(() => service?.stop());

async function serving(routes: readonly Route[], caller: 'gateway' | 'executor-service' = 'gateway', key = KEY) {
  const of = { name: 'tenant-service', fields: baseFields(8081), env } as const;
  service = await startService({ ...of, build: () => ({ routes }) });
  const calls: string[] = [];
  const client = internalClient({
    target: 'tenant-service',
    baseUrl: `http://127.0.0.1:${service.port}`,
    signer: new TokenSigner(caller, { keys: [key] }),
    attempts: 2,
    fetch: (async (url: string, init: RequestInit) => {
      calls.push(`${init.method} ${new URL(url).pathname}`);
      return fetch(url, init);
    }) as typeof fetch,
  });
  const read = (path: string, as = 'acme_corp') =>
    client.read({
      method: 'GET',
      path,
      principal: { kind: 'tenant', tenantId: as as TenantId, keyId: 'k', scopes: [] },
      headers: { 'x-request-id': `request-of-${as}` },
    });
  return { read, calls };
}

const things = route(
  {
    method: 'GET',
    path: '/things/{id}',
    params: Type.Object({ id: Type.String({ pattern: '^[a-z]+$' }) }),
    query: Type.Object({ limit: Type.Integer({ default: 50 }) }),
    response: Type.Object({ id: Type.String(), limit: Type.Integer(), asked_by: Type.String(), request: Type.String() }),
  },
  ({ params, query, principal, requestId }) => {
    if (params.id === 'gone') throw new Refusal('tenant.not_found', 'There is no gone.');
    if (params.id === 'bug') throw new Error('the password is swordfish');
    if (params.id === 'lies') return { body: { id: 7 } as never };
    const asked_by = principal.kind === 'tenant' ? principal.tenantId : principal.kind;
    return { body: { id: params.id, limit: query.limit, asked_by, request: requestId } };
  },
);

describe('reads of one moment', () => {
  test('travel in one call, each with its own principal, values and request id', async () => {
    const { read, calls } = await serving([things]);
    const answers = await Promise.all([read('/things/a'), read('/things/b?limit=7', 'globex')]);
    expect(answers.map(({ body }) => body)).toEqual([
      { id: 'a', limit: 50, asked_by: 'acme_corp', request: 'request-of-acme_corp' },
      { id: 'b', limit: 7, asked_by: 'globex', request: 'request-of-globex' },
    ]);
    expect(calls).toEqual(['POST /internal/together']);
    const metrics = await (await fetch(`http://127.0.0.1:${service.port}/metrics`)).text();
    expect(metrics).toContain(
      'http_request_duration_seconds_count{service="tenant-service",method="GET",route="/things/{id}",status="200"} 2',
    );
  });

  test('a single one is the plain GET', async () => {
    const { read, calls } = await serving([things]);
    expect((await read('/things/a')).status).toBe(200);
    expect(calls).toEqual(['GET /things/a']);
  });

  test('each is refused by itself, as if it had come alone', async () => {
    const { read } = await serving([things]);
    const paths = ['/things/a', '/things/gone', '/things/UPPER', '/things/bug', '/things/lies', '/nowhere', '/things/a?limit=x'];
    const outcomes = await Promise.allSettled(paths.map((path) => read(path)));
    const said = outcomes.map((one) => (one.status === 'fulfilled' ? one.value.status : `${one.reason.code ?? ''} ${one.reason.message}`));
    expect(said).toEqual([
      200,
      'tenant.not_found There is no gone.',
      expect.stringContaining('request.invalid path /id'),
      expect.stringMatching(/^ tenant-service answered 500 internal.unexpected: The error is logged/),
      expect.stringMatching(/^ tenant-service answered 500 internal.unexpected/),
      'request.unknown_path There is no /nowhere.',
      expect.stringContaining('request.invalid query /limit'),
    ]);
    expect(said.join()).not.toContain('swordfish');
  });

  test('what is "not now" is asked again, alone', async () => {
    let asked = 0;
    const busy = route({ method: 'GET', path: '/busy' }, () => {
      asked++;
      if (asked === 1) throw new Transient('The owner moves.', { code: 'owner.changing' });
      return { body: { asked } };
    });
    const { read, calls } = await serving([things, busy]);
    const [, second] = await Promise.all([read('/things/a'), read('/busy')]);
    expect(second?.body).toEqual({ asked: 2 });
    expect(calls).toEqual(['POST /internal/together', 'GET /busy']);
  });

  test('a route that names its callers lets in nobody else, and none but the gateway asks together', async () => {
    const internal = internalRoute({ method: 'GET', path: '/internal/x', callers: ['scheduler-service'] }, () => ({ body: {} }));
    const asGateway = await serving([things, internal]);
    const [fine, refused] = await Promise.allSettled([asGateway.read('/things/a'), asGateway.read('/internal/x')]);
    expect(fine.status).toBe('fulfilled');
    expect(refused).toMatchObject({ reason: { message: expect.stringContaining('auth.internal') } });
    await service.stop();
    // Refused as a whole, so each goes alone.
    const asExecutor = await serving([things], 'executor-service');
    await Promise.all([asExecutor.read('/things/a'), asExecutor.read('/things/b')]);
    expect(asExecutor.calls).toEqual(['POST /internal/together', 'GET /things/a', 'GET /things/b']);
  });

  test('a token that is not ours opens nothing, in a call that is', async () => {
    const { calls } = await serving([things]);
    const forged = await new TokenSigner('gateway', { keys: ['another-key-of-enough-length!!!!!!!!'] }).token('tenant-service', {
      kind: 'admin',
    });
    const headers = await new TokenSigner('gateway', { keys: [KEY] }).headers('tenant-service', '', {
      kind: 'service',
      service: 'gateway',
    });
    const response = await fetch(`http://127.0.0.1:${service.port}/internal/together`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ asked: [{ path: '/things/a', token: forged, request_id: 'x' }] }),
    });
    expect(await response.json()).toMatchObject({ answers: [{ status: 401, body: { code: 'auth.internal' } }] });
    expect(calls).toEqual([]);
  });
});
