import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { stepContext } from '../testing/step-context.ts';
import type { HttpExtractConfig } from './config.ts';
import { parseJson } from './decimal-json.ts';
import { pagesOf } from './pages.ts';
import { authorization, Requester } from './request.ts';
import { rowsOf } from './rows.ts';

let server: Server | undefined;
afterEach(() => new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined))));

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const made = createServer((request, response) => {
    response.setHeader('connection', 'close');
    answer(request, response);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}
const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};
const columns = { amount: { path: 'amount', type: 'NUMERIC' as const } };
async function extract(config: HttpExtractConfig, secret: Record<string, string> = {}) {
  const context = stepContext(config, { secret });
  const requester = new Requester(context, config, await authorization(context, config));
  const rows: Record<string, unknown>[] = [];
  for await (const page of pagesOf(config, (url) => requester.get(url))) rows.push(...rowsOf(config, page.body));
  return { rows, slept: context.slept };
}
const config = (url: string, more: Partial<HttpExtractConfig> = {}): HttpExtractConfig => ({
  url,
  to: 'raw_x',
  records: 'data',
  columns,
  ...more,
});
const token = { type: 'token', next: 'next_page', parameter: 'page', has_more: 'has_more' } as const;

describe('http.extract', () => {
  test('a connection that breaks within a page is the source not being ready, not a fault of ours', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"data":[', () => response.destroy());
    });
    await expect(extract(config(url))).rejects.toMatchObject({ code: 'http.cut_short', errorClass: 'source_not_ready', transient: true });
  });

  test.each([
    ['can not be reached', { code: 'http.unreachable', transient: true }],
    ['answers no JSON', { code: 'http.token_shape', hint: 'Check token_url in the template.' }],
  ])('a place of tokens that %s is said to be so', async (what, failure) => {
    const url = what.startsWith('can') ? 'http://127.0.0.1:9' : await serve((_, response) => json(response, 200, '<html>'));
    const auth = { type: 'oauth_client_credentials', token_url: url, client_id: 'id', client_secret: 'secret' } as const;
    await expect(extract(config(url, { auth }), { id: 'a', secret: 'b' })).rejects.toMatchObject(failure);
  });

  test('reads all pages of a token, and waits where the source says so', async () => {
    let busy = true;
    const url = await serve((request, response) => {
      const page = new URL(request.url ?? '/', 'http://x').searchParams.get('page');
      if (page === '2' && busy) {
        busy = false;
        return json(response, 429, {}, { 'retry-after': '7' });
      }
      json(
        response,
        200,
        page === '2'
          ? { data: [{ amount: 2 }], has_more: false, next_page: null }
          : { data: [{ amount: 1.1 }], has_more: true, next_page: '2' },
      );
    });
    expect(await extract(config(url, { pagination: token }))).toEqual({ rows: [{ amount: '1.1' }, { amount: '2' }], slept: [7000] });
  });

  test('more pages without saying where is a failure, never some of the rows', async () => {
    const url = await serve((_, response) => json(response, 200, { data: [{ amount: 1 }], has_more: true, next_page: null }));
    await expect(extract(config(url, { pagination: token }))).rejects.toMatchObject({ code: 'http.next_missing' });
  });

  test('a page that is named again is a failure', async () => {
    const url = await serve((_, response) => json(response, 200, { data: [], has_more: true, next_page: '1' }));
    await expect(extract(config(url, { pagination: token }))).rejects.toMatchObject({ code: 'http.page_repeats' });
  });

  test('a 200 with an error instead of the envelope is a failure, never zero rows', async () => {
    const url = await serve((_, response) => json(response, 200, { error: { message: 'key revoked' } }));
    await expect(extract(config(url, { expect: { fields: ['data'] } }))).rejects.toMatchObject({ code: 'http.envelope' });
    await expect(extract(config(url))).rejects.toMatchObject({ code: 'http.records_missing' });
  });

  test("a revoked key is the credential's fault and is not tried again; the key is in no message", async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked++;
      expect(request.headers.authorization).toBe('Bearer sk-very-secret');
      json(response, 401, {});
    });
    const failure = await extract(config(url, { auth: { type: 'bearer', token: 'api_key' } }), { api_key: 'sk-very-secret' }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ errorClass: 'credential', transient: false });
    expect(JSON.stringify(failure)).not.toContain('very-secret');
    expect(asked).toBe(1);
  });

  test.each(['/costs', '/token'])('%s leads elsewhere: it is not followed, said to be so, and not tried again', async (moved) => {
    let asked = 0;
    const url = await serve((request, response) => {
      if (request.url !== moved) return json(response, 200, { access_token: 't' });
      asked++;
      json(response, 302, {}, { location: 'https://login.example/in?state=s3cret' });
    });
    const auth = { type: 'oauth_client_credentials', token_url: `${url}/token`, client_id: 'id', client_secret: 'secret' } as const;
    const failure = await extract(config(`${url}/costs`, { auth }), { id: 'a', secret: 'b' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'http.redirect', errorClass: 'schema', transient: false });
    expect(String(failure)).toMatch(/answered 302 to \/\w+: it leads to https:\/\/login\.example\/in\.$/);
    expect(asked).toBe(1);
  });

  test('a server that keeps failing is given up after a while, as transient', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked++;
      json(response, 503, {});
    });
    await expect(extract(config(url))).rejects.toMatchObject({ code: 'http.server_error', transient: true });
    expect(asked).toBe(5);
  });

  test('offset and link pagination end where the source ends', async () => {
    const all = [1, 2, 3, 4, 5].map((amount) => ({ amount }));
    const url = await serve((request, response) => {
      const at = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('offset') ?? 0);
      json(response, 200, { data: all.slice(at, at + 2), total: 5 }, at + 2 < 5 ? { link: `</x?offset=${at + 2}>; rel="next"` } : {});
    });
    const offset = { type: 'offset', parameter: 'offset', limit_parameter: 'limit', limit: 2, total: 'total' } as const;
    expect((await extract(config(url, { pagination: offset }))).rows).toHaveLength(5);
    expect((await extract(config(url, { pagination: { type: 'link' } }))).rows).toHaveLength(5);
  });

  test('a next page on another host does not get the credential', async () => {
    const url = await serve((_, response) => json(response, 200, { data: [] }, { link: '<https://evil.example/x>; rel="next"' }));
    await expect(extract(config(url, { pagination: { type: 'link' } }))).rejects.toMatchObject({ code: 'http.next_elsewhere' });
  });

  test('a price keeps every digit, also in scientific notation', () => {
    const body = parseJson('{"data":[{"amount":0.12345678901234567890},{"amount":7.5e-9},{"amount":12e2},{"amount":-3}]}');
    expect(rowsOf(config('x'), body)).toEqual([
      { amount: '0.12345678901234567890' },
      { amount: '0.0000000075' },
      { amount: '1200' },
      { amount: '-3' },
    ]);
  });

  test("a list inside each record becomes rows, with the record's own fields", () => {
    const body = parseJson('{"data":[{"start":1762300800,"results":[{"v":1},{"v":2}]}]}');
    const c = config('x', {
      explode: 'results',
      columns: { day: { path: 'start', type: 'DATE', unix: true }, v: { path: 'results.v', type: 'INT64' } },
    });
    expect(rowsOf(c, body)).toEqual([
      { day: '2025-11-05', v: '1' },
      { day: '2025-11-05', v: '2' },
    ]);
  });

  test('a value of another type is an error that names the field', () => {
    expect(() => rowsOf(config('x'), parseJson('{"data":[{"amount":"12,50"}]}'))).toThrow('amount is "12,50", which is no NUMERIC');
  });

  test.each([
    ['null', 'http.records_missing'],
    ['{"data":[{"amount":1},null]}', 'http.records_missing'],
    ['{"data":[7]}', 'http.records_missing'],
    ['{"data":[{"error":"no access"}]}', 'http.field_missing'],
  ])('what is no record is a failure, never a row of nothing: %s', (body, code) => {
    const c = config('x', body === 'null' ? { records: undefined as never } : {});
    expect(() => rowsOf(c, parseJson(body))).toThrow(expect.objectContaining({ code }) as never);
  });

  test.each(['"soon"', '""', 'true', '1.7e18', '17000000000000'])(
    'seconds since 1970 that are none are an error of the source: %s',
    (value) => {
      for (const type of ['DATE', 'TIMESTAMP'] as const)
        expect(() =>
          rowsOf(config('x', { columns: { at: { path: 'at', type, unix: true } } }), parseJson(`{"data":[{"at":${value}}]}`)),
        ).toThrow(`which is no ${type}`);
    },
  );

  test('an address that is none is the fault of the template', async () => {
    await expect(extract(config('costs.example/v1'))).rejects.toMatchObject({ code: 'http.url', errorClass: 'schema' });
    const url = await serve((_, response) => json(response, 200, { data: [] }, { link: '<http://[>; rel="next"' }));
    await expect(extract(config(url, { pagination: { type: 'link' } }))).rejects.toMatchObject({ code: 'http.url' });
    const auth = { type: 'oauth_client_credentials', token_url: 'tokens', client_id: 'id', client_secret: 'secret' } as const;
    await expect(extract(config(url, { auth }), { id: 'a', secret: 'b' })).rejects.toMatchObject({ code: 'http.url' });
  });

  test('a source that wants longer to be left alone than a step waits in place is left alone', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked++;
      json(response, 429, {}, { 'retry-after': '3600' });
    });
    await expect(extract(config(url))).rejects.toMatchObject({ code: 'http.rate_limit', transient: true, retryAfterSeconds: 3600 });
    expect(asked).toBe(1);
  });

  test('a total that was promised is looked for in each page: as a text too, and missing it is a failure', async () => {
    const offset = { type: 'offset', parameter: 'offset', limit_parameter: 'limit', limit: 100, total: 'total' } as const;
    const all = [1, 2, 3].map((amount) => ({ amount }));
    // A server that gives no more than one a page, whatever was asked for.
    const url = await serve((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x');
      const at = Number(searchParams.get('offset'));
      json(response, 200, { data: all.slice(at, at + 1), ...(pathname === '/text' ? { total: '3' } : {}) });
    });
    expect((await extract(config(`${url}/text`, { pagination: offset }))).rows).toHaveLength(3);
    await expect(extract(config(url, { pagination: offset }))).rejects.toMatchObject({ code: 'http.total_missing' });
  });

  test('a token that runs out between two pages is asked for anew; one that is not accepted from the start is not', async () => {
    let given = 0;
    let lives = 1;
    const url = await serve((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x');
      if (pathname === '/token') return json(response, 200, { access_token: `t${++given}` });
      const page = Number(searchParams.get('page') ?? 1);
      if (page > lives && request.headers.authorization === 'Bearer t1') return json(response, 401, {});
      json(response, 200, { data: [{ amount: page }], has_more: page < 3, next_page: page < 3 ? page + 1 : null });
    });
    const auth = { type: 'oauth_client_credentials', token_url: `${url}/token`, client_id: 'id', client_secret: 'secret' } as const;
    const secret = { id: 'a', secret: 'b' };
    expect((await extract(config(url, { auth, pagination: token }), secret)).rows).toHaveLength(3);
    expect(given).toBe(2);
    [given, lives] = [0, 0];
    await expect(extract(config(url, { auth, pagination: token }), secret)).rejects.toMatchObject({ code: 'http.unauthorized' });
    expect(given).toBe(1);
  });
});
