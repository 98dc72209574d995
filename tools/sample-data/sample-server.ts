/**
 * A REST source for the http.extract example: costs of a day in the form of OpenAI's API, in pages, with a 429 now and then
 * as real ones have it.
 */
import { createServer, type Server } from 'node:http';

const PROJECTS = ['proj_web', 'proj_search', 'proj_support'];
const ITEMS = ['gpt-4o, input', 'gpt-4o, output', 'text-embedding-3-large'];

export interface SampleServer {
  readonly port: number;
  readonly requests: () => number;
  close(): Promise<void>;
}

export function startSampleServer(port: number, options: { readonly busyEvery?: number } = {}): Promise<SampleServer> {
  let requests = 0;
  const server: Server = createServer((request, response) => {
    requests++;
    const url = new URL(request.url ?? '/', 'http://sample');
    const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    if (url.pathname !== '/v1/organization/costs') return answer(404, { error: { message: 'no such path' } });
    if (options.busyEvery && requests % options.busyEvery === 0)
      return answer(429, { error: { message: 'slow down' } }, { 'retry-after': '0' });
    const date = url.searchParams.get('date') ?? '';
    const start = Date.parse(`${date}T00:00:00Z`);
    if (Number.isNaN(start)) return answer(400, { error: { message: 'date is required' } });
    const limit = Math.max(1, Number(url.searchParams.get('limit') ?? 2));
    const all = PROJECTS.flatMap((project_id, p) =>
      ITEMS.map((line_item, i) => ({
        project_id,
        line_item,
        amount: {
          value: ((new Date(start).getUTCDate() * (p + 1) * (i + 7)) % 97) + (p + 1) / 10 + 0.000_000_1 * (i + 1),
          currency: 'usd',
        },
      })),
    );
    const from = Number(url.searchParams.get('page') ?? 0);
    const results = all.slice(from, from + limit);
    const next = from + limit < all.length ? String(from + limit) : null;
    answer(200, {
      object: 'page',
      data: [{ object: 'bucket', start_time: start / 1000, end_time: start / 1000 + 86_400, results }],
      has_more: next !== null,
      next_page: next,
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address ? address.port : port,
        requests: () => requests,
        close: () => new Promise((done) => server.close(() => done())),
      });
    });
  });
}
