import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';

export interface BucketServer {
  /** host:port */
  readonly host: string;
  /** Name -> content; a test may change them. */
  readonly objects: Map<string, string>;
  /** Answers with this status instead, while it is set. */
  status: number | undefined;
  readonly asked: IncomingMessage[];
  close(): Promise<void>;
}

/** A bucket as Cloud Storage's JSON API shows it, two objects a page; a generation for each content. */
export async function startBucketServer(bucket: string): Promise<BucketServer> {
  const objects = new Map<string, string>();
  const asked: IncomingMessage[] = [];
  const root = `/storage/v1/b/${bucket}/o`;
  const server = createServer((request, response) => {
    asked.push(request);
    response.setHeader('connection', 'close');
    const url = new URL(request.url ?? '/', 'http://x');
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    if (started.status !== undefined) return answer(started.status, {});
    if (url.pathname === root) {
      const names = [...objects.keys()].filter((name) => name.startsWith(url.searchParams.get('prefix') ?? '')).sort();
      const from = Number(url.searchParams.get('pageToken') ?? 0);
      const items = names
        .slice(from, from + 2)
        .map((name) => ({ name, size: String(objects.get(name)?.length), generation: generationOf(objects.get(name)) }));
      return answer(200, { ...(items.length > 0 && { items }), ...(from + 2 < names.length && { nextPageToken: String(from + 2) }) });
    }
    const content = url.pathname.startsWith(`${root}/`) ? objects.get(decodeURIComponent(url.pathname.slice(root.length + 1))) : undefined;
    if (content === undefined || url.searchParams.get('alt') !== 'media') return answer(404, {});
    const wanted = url.searchParams.get('ifGenerationMatch');
    return answer(wanted === null || wanted === generationOf(content) ? 200 : 412, content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const started: BucketServer = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    status: undefined,
    asked,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return started;
}

const generationOf = (content = ''): string => String(crc32(content));
