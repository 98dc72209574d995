import { tenantRunsList } from '@convergence/contracts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ACME_KEY, ADMIN_KEY, type GatewayUnderTest, startGateway } from './testing/gateway-under-test.ts';
import { sample } from './testing/sample.ts';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway({ CORS_ORIGINS: 'https://app.example.com' });
});
afterAll(() => gateway?.close());
const ask: GatewayUnderTest['ask'] = (...request) => gateway.ask(...request);

describe('the gateway', () => {
  test('is healthy and ready', async () => {
    expect((await ask('GET', '/healthz')).body).toEqual({ status: 'ok' });
    expect((await ask('GET', '/readyz')).body).toMatchObject({ ready: true });
  });

  test('forwards a checked request to its owner with the principal signed', async () => {
    const { status } = await ask('GET', '/api/v1/tenants/acme_corp/quota', { key: ACME_KEY, headers: { 'x-user-id': 'alice' } });
    expect(status).toBe(200);
    expect(gateway.tenants.asked.at(-1)).toMatchObject({
      method: 'GET',
      path: '/api/v1/tenants/acme_corp/quota',
      principal: { kind: 'tenant', tenantId: 'acme_corp', keyId: 'key-acme', userId: 'alice' },
    });
    expect(gateway.tenants.asked.at(-1)?.headers).not.toHaveProperty('x-api-key');
  });

  test("an owner's answer goes on as the text that came, and with both ids to /customers", async () => {
    const text = JSON.stringify(sample(tenantRunsList.response), null, 3);
    const { answer } = gateway.executor;
    gateway.executor.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
      return undefined;
    };
    const get = (path: string) => fetch(`${gateway.url}/api/v1/${path}`, { headers: { 'x-api-key': ACME_KEY } });
    const plain = await get('tenants/acme_corp/pipelines');
    expect([plain.status, plain.headers.get('content-type'), await plain.text()]).toEqual([200, 'application/json; charset=utf-8', text]);
    const { body } = await ask('GET', '/api/v1/customers/acme_corp/pipelines', { key: ACME_KEY });
    expect(body.items[0].customer_id).toBe(JSON.parse(text).items[0].tenant_id);
    gateway.executor.answer = answer;
  });

  test('answers an unknown path with 404 and a wrong method with 405 and Allow', async () => {
    expect(await ask('GET', '/api/v1/nothing')).toMatchObject({ status: 404, body: { code: 'request.unknown_path' } });
    const wrong = await ask('DELETE', '/api/v1/scheduler/status', { admin: ADMIN_KEY });
    expect(wrong).toMatchObject({ status: 405, body: { code: 'request.method_not_allowed' } });
    expect(wrong.headers.get('allow')).toContain('GET');
  });

  test('every problem is application/problem+json with a code and the request id', async () => {
    const { headers, body } = await ask('GET', '/api/v1/tenants/acme_corp');
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body).toMatchObject({
      status: 401,
      code: 'auth.invalid_api_key',
      detail: 'Invalid API key',
      title: expect.any(String),
      type: expect.stringMatching(/^https:/),
    });
    expect(body.instance).toContain(headers.get('x-request-id'));
  });

  test('carries security headers and lets only configured origins read', async () => {
    const other = await ask('GET', '/healthz', { headers: { origin: 'https://evil.example' } });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    const ours = await ask('GET', '/api/v1/tenants/acme_corp', { headers: { origin: 'https://app.example.com' } });
    expect(ours.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(ours.headers.get('x-content-type-options')).toBe('nosniff');
    expect(ours.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(ours.headers.get('cache-control')).toBe('no-store');
    const preflight = await ask('OPTIONS', '/api/v1/tenants/acme_corp', {
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'x-api-key',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
  });

  test('shows its document and its pages', async () => {
    expect((await ask('GET', '/openapi.json')).body).toMatchObject({ openapi: '3.1.0' });
    const page = await ask('GET', '/docs');
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.body).not.toMatch(/https?:\/\//);
    expect((await ask('GET', '/docs/docs.js')).status).toBe(200);
    expect((await ask('POST', '/docs')).status).toBe(405);
  });

  describe('/customers', () => {
    test('takes customer_id and answers both ids', async () => {
      const { status, body } = await ask('GET', '/api/v1/customers/acme_corp/api-keys', { key: ACME_KEY });
      expect(status).toBe(200);
      expect(body.items[0]).toMatchObject({ tenant_id: 'acme_corp', customer_id: 'acme_corp' });
      expect(gateway.tenants.asked.at(-1)?.path).toBe('/api/v1/tenants/acme_corp/api-keys?limit=50');
    });

    test('onboards with customer_id in the body', async () => {
      const body = { customer_id: 'globex', company_name: 'Globex', admin_email: 'a@globex.example', subscription_plan: 'PROFESSIONAL' };
      expect((await ask('POST', '/api/v1/customers/onboard', { body })).status).toBe(200);
      expect(gateway.tenants.asked.at(-1)).toMatchObject({
        path: '/api/v1/tenants/onboard',
        json: { tenant_id: 'globex' },
        principal: { kind: 'anonymous' },
      });
    });
  });

  describe('ticks', () => {
    const figures = {
      triggered_count: 1,
      queued_count: 1,
      skipped_count: 0,
      next_trigger_time: '2026-01-01T01:00:00Z',
      details: { limit: 7, due_pipelines_found: 1, skipped: [] },
    };

    test('are published with the minute as id and answered with the owner’s figures', async () => {
      gateway.scheduler.answer = () => ({ body: figures });
      const { status, body } = await ask('POST', '/api/v1/scheduler/trigger?limit=7', { admin: ADMIN_KEY });
      expect(status).toBe(200);
      expect(body).toEqual(figures);
      expect(gateway.scheduler.asked.at(-1)).toMatchObject({ path: '/internal/ticks/schedule', json: { limit: 7 } });
      const { topic, event } = gateway.bus.published.at(-1)!;
      const { minute } = event.data as { minute: string };
      expect({ topic, id: event.id }).toEqual({ topic: 'schedule-tick', id: `schedule-tick/${minute}` });
      expect(gateway.scheduler.asked.at(-1)?.json).toEqual(event.data);
    });

    test('are published although the owner is away, and the answer says so', async () => {
      gateway.scheduler.answer = () => ({ status: 503, body: {} });
      const before = gateway.bus.published.length;
      const { status, headers, body } = await ask('POST', '/api/v1/scheduler/process-queue', { admin: ADMIN_KEY });
      expect(status).toBe(503);
      expect(headers.get('retry-after')).toBe('10');
      expect(body.detail).toContain('scheduler-service');
      expect(body.detail).toContain('published');
      expect(gateway.bus.published).toHaveLength(before + 1);
    });

    test('are answered although the broker is away', async () => {
      gateway.scheduler.answer = () => ({ body: figures });
      gateway.bus.failPublishes(1);
      expect((await ask('POST', '/api/v1/scheduler/trigger', { admin: ADMIN_KEY })).status).toBe(200);
    });

    test.each([
      ['/api/v1/scheduler/reset-daily-quotas', '/internal/ticks/quota-reset', 'quota-reset', {}],
      [
        '/api/v1/scheduler/cleanup-orphaned-pipelines?older_than_minutes=90',
        '/internal/ticks/orphan-sweep',
        'orphan-sweep',
        { older_than_minutes: 90 },
      ],
      ['/api/v1/scheduler/cleanup-orphaned-pipelines', '/internal/ticks/orphan-sweep', 'orphan-sweep', { older_than_minutes: 60 }],
    ])('%s asks the owner of quotas', async (path, asked, topic, more) => {
      await ask('POST', path, { admin: ADMIN_KEY });
      expect(gateway.tenants.asked.at(-1)).toMatchObject({ path: asked, json: { minute: expect.any(String), ...more } });
      expect(gateway.bus.published.at(-1)).toMatchObject({ topic, event: { data: more } });
    });

    test('are the operator’s alone', async () => {
      const { status, body } = await ask('POST', '/api/v1/scheduler/trigger', { key: ACME_KEY });
      expect({ status, detail: body.detail }).toEqual({ status: 403, detail: 'Invalid admin API key' });
    });
  });

  test('live events come as they happen, go on from Last-Event-ID, and the owner hears when the client leaves', async () => {
    const run = '00000000-0000-4000-8000-000000000000';
    const { answer } = gateway.executor;
    const left = new Promise<void>((resolve) => {
      gateway.executor.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('id: 8\ndata: {}\n\n');
        response.once('close', () => resolve());
        return undefined;
      };
    });
    const client = new AbortController();
    const response = await fetch(`${gateway.url}/api/v1/pipelines/runs/${run}/events`, {
      headers: { 'x-api-key': ACME_KEY, 'last-event-id': '7' },
      signal: client.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const { value } = await response.body!.getReader().read();
    expect(Buffer.from(value!).toString()).toBe('id: 8\ndata: {}\n\n');
    expect(gateway.executor.asked.at(-1)?.headers['last-event-id']).toBe('7');
    client.abort();
    await left;
    gateway.executor.answer = answer;
  });

  test('dead letters are listed with their reason and sent back', async () => {
    const subscriber = gateway.bus.subscribe({ subscription: 'queue-tick.test', maxMessages: 1, maxBatch: 1 }, async (batch) =>
      batch.map(() => ({ outcome: 'quarantine', reason: 'its body is not JSON' }) as const),
    );
    const event = { id: 'tick-1', type: 'convergence.queue-tick.v1', source: 'test', time: '2026-01-01T00:00:00Z', data: {} };
    await gateway.bus.publish([{ topic: 'queue-tick', event }]);
    await gateway.bus.deliver(1);
    await subscriber.stop(0);
    const listed = await ask('GET', '/api/v1/admin/dead-letters?topic=queue-tick', { admin: ADMIN_KEY });
    expect(listed).toMatchObject({
      status: 200,
      body: {
        items: [{ topic: 'queue-tick', reason: 'its body is not JSON', published_at: event.time, attributes: { 'ce-id': 'tick-1' } }],
        next_cursor: null,
      },
    });
    expect((await ask('GET', '/api/v1/admin/dead-letters?topic=run-requested', { admin: ADMIN_KEY })).body.items).toEqual([]);
    const redriven = await ask('POST', '/api/v1/admin/dead-letters/redrive', { admin: ADMIN_KEY, body: { topic: 'queue-tick' } });
    expect(redriven.body).toEqual({ redriven_count: 1, message: '1 message published again.' });
    expect((await ask('GET', '/api/v1/admin/dead-letters', { admin: ADMIN_KEY })).body.items).toEqual([]);
  });

  test('signed bodies go on as the bytes that came, with their signature', async () => {
    gateway.tenants.asked.length = 0;
    const raw = '{ "id":"evt_1", "type":"x",\n  "created": 1.0, "data": { "object": {} } }';
    await ask('POST', '/api/v1/webhooks/stripe', { body: raw, headers: { 'stripe-signature': 't=1,v1=abc' } });
    expect(gateway.tenants.asked[0]).toMatchObject({ raw, headers: { 'stripe-signature': 't=1,v1=abc' } });
  });

  test('what was asked with an Idempotency-Key is performed once also when its caller did not wait, and only its own key is answered', async () => {
    const path = '/api/v1/tenants/acme_corp/api-keys';
    const { answer } = gateway.tenants;
    let begins = 0;
    let finish: () => void = () => {};
    const begun = new Promise<void>((begin) => {
      gateway.tenants.answer = async (asked, response) => {
        if (asked.path !== path) return answer(asked, response);
        begins += 1;
        begin();
        await new Promise<void>((done) => (finish = done));
        return answer(asked, response);
      };
    });
    const client = new AbortController();
    const headers = { 'x-api-key': ACME_KEY, 'content-type': 'application/json', 'idempotency-key': 'made-once' };
    const first = fetch(gateway.url + path, { method: 'POST', headers, body: '{}', signal: client.signal });
    await begun;
    client.abort();
    await expect(first).rejects.toThrow();
    const again = ask('POST', path, { key: ACME_KEY, headers: { 'idempotency-key': 'made-once' }, body: {} });
    await new Promise((resolve) => setTimeout(resolve, 100));
    finish();
    expect(await again).toMatchObject({ status: 200 });
    expect(begins).toBe(1);
    gateway.tenants.answer = answer;
    gateway.keys.set('weak', { ...gateway.keys.get(ACME_KEY)!, api_key_id: 'key-weak', scopes: ['tenant:write'] });
    const other = await ask('POST', path, { key: 'weak', headers: { 'idempotency-key': 'made-once' }, body: {} });
    expect(other.headers.get('idempotency-replayed')).toBeNull();
  });

  test('Idempotency-Key performs a POST once and refuses another request under it', async () => {
    const path = '/api/v1/tenants/acme_corp/api-keys';
    const count = () => gateway.tenants.asked.filter((asked) => asked.path === path).length;
    const before = count();
    const headers = { 'idempotency-key': 'once-1' };
    const answers = await Promise.all([1, 2, 3].map(() => ask('POST', path, { key: ACME_KEY, headers, body: { key_name: 'ci' } })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(count() - before).toBe(1);
    expect(await ask('POST', path, { key: ACME_KEY, headers, body: { key_name: 'other' } })).toMatchObject({
      status: 422,
      body: { code: 'request.idempotency_conflict' },
    });
  });

  test('what a client named by an Idempotency-Key is called by tenant-service, which no client can do, and only where it was named', async () => {
    const path = '/api/v1/tenants/acme_corp/api-keys';
    const calledBy = async (headers: Record<string, string>) => {
      await ask('POST', path, { key: ACME_KEY, headers: { 'x-command-id': 'mine', 'x-command-made': 'mine', ...headers }, body: {} });
      const { 'x-command-id': id, 'x-command-made': made } = gateway.tenants.asked.at(-1)?.headers ?? {};
      return { id, made };
    };
    expect(await calledBy({})).toEqual({ id: undefined, made: undefined });
    expect(await calledBy({ 'idempotency-key': 'named' })).toEqual({ id: `${[...gateway.commands.keys()].at(-1)}@1`, made: undefined });
  });

  test('what was answered to a stranger is kept for nobody: who sends the same is asked of its owner', async () => {
    const body = { tenant_id: 'globex', company_name: 'Globex', admin_email: 'a@globex.example' };
    const onboard = () => ask('POST', '/api/v1/tenants/onboard', { headers: { 'idempotency-key': '1' }, body });
    const asked = () => gateway.tenants.asked.filter(({ path }) => path === '/api/v1/tenants/onboard').length;
    const before = asked();
    for (const _ of [1, 2]) expect((await onboard()).headers.get('idempotency-replayed')).toBeNull();
    expect(asked() - before).toBe(2);
    expect(await ask('POST', '/api/v1/tenants/onboard', { headers: { 'idempotency-key': 'a b' }, body })).toMatchObject({ status: 400 });
  });

  test('a run that a command came to elsewhere is answered, not admitted again', async () => {
    const path = '/api/v1/pipelines/run/acme_corp/gcp/example/dryrun';
    const run = () => ask('POST', path, { key: ACME_KEY, headers: { 'idempotency-key': 'after-a-crash' }, body: {} });
    gateway.tenants.asked.length = 0;
    const { answer } = gateway.tenants;
    const earlier = '00000000-0000-4000-8000-000000000007';
    gateway.tenants.answer = (asked, response) =>
      asked.path === '/internal/commands' ? { body: { commands: [{ command: 'a-command', made: earlier }] } } : answer(asked, response);
    expect(await run()).toMatchObject({ status: 200, body: { pipeline_logging_id: earlier, status: 'PENDING' } });
    expect(gateway.tenants.asked.map((asked) => asked.path)).not.toContain('/internal/admissions');
    gateway.tenants.answer = answer;
  });

  test.each(['/api/v1/admin/journal', '/api/v1/tenants/acme_corp/usage?from=2026-01-01'])(
    '%s, which is asked of BigQuery, is given up before what an owner answers from memory',
    async (path) => {
      const { answer } = gateway.tenants;
      gateway.tenants.answer = () => new Promise(() => undefined);
      const left = new AbortController();
      const fromMemory = fetch(`${gateway.url}/api/v1/tenants`, { headers: { 'x-admin-key': ADMIN_KEY }, signal: left.signal });
      expect(await Promise.race([ask('GET', path, { admin: ADMIN_KEY }), fromMemory.then(() => 'from memory')])).toMatchObject({
        status: 503,
        body: { code: 'service.unavailable' },
      });
      left.abort();
      await expect(fromMemory).rejects.toThrow();
      gateway.tenants.answer = answer;
    },
    30_000,
  );

  test('an owner that is away is a 503 with Retry-After; one that refuses is believed', async () => {
    const { answer } = gateway.executor;
    gateway.tenants.asked.length = 0;
    const tenantsAnswer = gateway.tenants.answer;
    gateway.tenants.answer = (asked, response) =>
      asked.path.endsWith('/quota')
        ? { status: 503, headers: { 'retry-after': '3' }, body: { code: 'owner.changing', status: 503, detail: 'The owner is changing.' } }
        : asked.path.endsWith('/subscription')
          ? { status: 404, body: { code: 'tenant.not_found', status: 404, detail: 'No tenant acme_corp.' } }
          : tenantsAnswer(asked, response);
    const away = await ask('GET', '/api/v1/tenants/acme_corp/quota', { key: ACME_KEY });
    expect(away).toMatchObject({ status: 503, body: { code: 'owner.changing' } });
    expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await ask('GET', '/api/v1/tenants/acme_corp/subscription', { key: ACME_KEY })).toMatchObject({
      status: 404,
      body: { code: 'tenant.not_found', detail: 'No tenant acme_corp.' },
    });
    gateway.tenants.answer = tenantsAnswer;
    gateway.executor.answer = answer;
  });
});
