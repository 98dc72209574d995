/** Azure as an object store needs it: Entra ID, which gives tokens for client secrets, and containers of Azure Storage that take them. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bodyOf, escaped, type Faults, send } from './fault.ts';

export interface AzureServer {
  /** host:port */
  readonly host: string;
  /** `account/container/name` -> content; a test may change them. */
  readonly objects: Map<string, string>;
  /** `directory/client` -> its secret. */
  readonly apps: Map<string, string>;
  faults: Faults | undefined;
  readonly asked: IncomingMessage[];
  close(): Promise<void>;
}

/** Containers as `account/container`. */
export async function startAzureServer(containers: readonly string[], options: { readonly page?: number } = {}): Promise<AzureServer> {
  const page = options.page ?? 5000;
  const tokens = new Set<string>();
  const server = createServer(async (request, response) => {
    started.asked.push(request);
    response.setHeader('connection', 'close');
    const url = new URL(request.url ?? '/', 'http://x');
    const body = await bodyOf(request);
    const error = (status: number, code: string, headers: Readonly<Record<string, string>> = {}) => {
      response.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': code, ...headers });
      response.end(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);
    };
    const json = (status: number, answer: object, headers: Readonly<Record<string, string>> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(answer));
    };
    const fault = started.faults?.(request);
    const directory = /^\/([0-9a-f-]{36})\/oauth2\/v2\.0\/token$/.exec(url.pathname)?.[1];
    if (directory !== undefined) {
      if (typeof fault === 'object') return json(fault.status, { error: fault.code, error_codes: [Number(fault.message)] }, fault.headers);
      const form = new URLSearchParams(body);
      const secret = started.apps.get(`${directory}/${form.get('client_id')}`);
      if (form.get('grant_type') !== 'client_credentials' || form.get('scope') !== 'https://storage.azure.com/.default')
        return json(400, { error: 'invalid_scope', error_codes: [70011] });
      if (secret === undefined)
        return json(400, { error: 'unauthorized_client', error_description: 'AADSTS700016', error_codes: [700016] });
      if (secret !== form.get('client_secret'))
        return json(401, { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret.', error_codes: [7000215] });
      const access_token = `azure-token-${tokens.size}`;
      tokens.add(access_token);
      return json(200, { token_type: 'Bearer', expires_in: 3599, access_token });
    }
    if (typeof fault === 'object') return error(fault.status, fault.code, fault.headers);
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!tokens.has(bearer) || !request.headers['x-ms-version'] || !request.headers['x-ms-date'])
      return error(401, 'InvalidAuthenticationInfo');
    const [, account = '', container = '', ...rest] = decodeURIComponent(url.pathname).split('/');
    const within = `${account}/${container}`;
    if (!containers.includes(within)) return error(404, 'ContainerNotFound');
    if (url.searchParams.get('comp') !== 'list') {
      const content = started.objects.get(`${within}/${rest.join('/')}`);
      if (content === undefined) return error(404, 'BlobNotFound');
      if (request.headers['if-match'] !== `"${etagOf(content)}"`) return error(412, 'ConditionNotMet');
      return send(response, content, { etag: `"${etagOf(content)}"` }, fault);
    }
    const prefix = url.searchParams.get('prefix') ?? '';
    const names = [...started.objects.keys()].filter((name) => name.startsWith(`${within}/${prefix}`)).sort();
    const from = Number(url.searchParams.get('marker')?.split('!')[1] ?? 0);
    const blobs = names.slice(from, from + page).map((full) => {
      const name = full.slice(within.length + 1);
      const content = started.objects.get(full) ?? '';
      const isFolder = content === DIRECTORY;
      // What XML can not hold.
      const written = [...name].some((char) => char < ' ')
        ? `<Name Encoded="true">${encodeURIComponent(name)}</Name>`
        : `<Name>${escaped(name)}</Name>`;
      return `<Blob>${written}<Properties><Etag>${etagOf(content)}</Etag>${isFolder ? '<ResourceType>directory</ResourceType>' : ''}<Content-Length>${Buffer.byteLength(content)}</Content-Length></Properties><OrMetadata/></Blob>`;
    });
    const next = from + page < names.length ? `<NextMarker>at!${from + page}</NextMarker>` : '<NextMarker />';
    send(
      response,
      `\uFEFF<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://x/" ContainerName="${container}"><Prefix>${escaped(prefix)}</Prefix><Blobs>${blobs.join('')}</Blobs>${next}</EnumerationResults>`,
      { 'content-type': 'application/xml' },
      fault,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const started: AzureServer = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: new Map(),
    apps: new Map(),
    faults: undefined,
    asked: [],
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return started;
}

/** Content of what a storage account with folders of its own (Data Lake) lists for a folder. */
export const DIRECTORY = '\u0000directory';
const etagOf = (content: string): string => `0x8D${createHash('md5').update(content).digest('hex').slice(0, 12).toUpperCase()}`;
