/**
 * AWS as an object store needs it: buckets of S3, and STS that lends keys of a role. Every request must carry a Signature Version 4
 * that fits, recomputed here from what arrived.
 */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bodyOf, escaped, type Faults, send } from './fault.ts';

export interface AwsServer {
  /** host:port */
  readonly host: string;
  /** `bucket/name` -> content; a test may change them. */
  readonly objects: Map<string, string>;
  /** Access key id -> its secret, and the session that it belongs to. */
  readonly keys: Map<string, { readonly secret: string; readonly session?: string }>;
  /** Role -> the external id that its trust policy asks for. */
  readonly roles: Map<string, string>;
  faults: Faults | undefined;
  readonly asked: IncomingMessage[];
  close(): Promise<void>;
}

/** Buckets by their regions. */
export async function startAwsServer(
  buckets: Readonly<Record<string, string>>,
  options: { readonly page?: number } = {},
): Promise<AwsServer> {
  const page = options.page ?? 1000;
  const server = createServer(async (request, response) => {
    started.asked.push(request);
    response.setHeader('connection', 'close');
    const url = new URL(request.url ?? '/', 'http://x');
    const body = await bodyOf(request);
    const xml = (status: number, text: string, headers: Readonly<Record<string, string>> = {}) => {
      response.writeHead(status, { 'content-type': 'application/xml', ...headers });
      response.end(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
    };
    const error = (status: number, code: string, message = code, headers: Readonly<Record<string, string>> = {}, more = '') =>
      xml(status, `<Error><Code>${code}</Code><Message>${escaped(message)}</Message>${more}</Error>`, headers);
    const fault = started.faults?.(request);
    if (typeof fault === 'object') return error(fault.status, fault.code, fault.message, fault.headers);
    const [, bucket = '', ...rest] = decodeURIComponent(url.pathname).split('/');
    const sts = request.method === 'POST' && url.pathname === '/';
    const home = buckets[bucket];
    const proof = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/(s3|sts)\/aws4_request, /.exec(
      request.headers.authorization ?? '',
    );
    const known = started.keys.get(proof?.[1] ?? '');
    if (!known) return error(403, sts ? 'InvalidClientTokenId' : 'InvalidAccessKeyId', `No such key: ${proof?.[1]}`);
    if (signatureOf(request, body, known.secret) !== /Signature=(\w+)$/.exec(request.headers.authorization ?? '')?.[1])
      return error(403, 'SignatureDoesNotMatch');
    if (known.session !== request.headers['x-amz-security-token']) return error(400, 'InvalidToken');
    if (sts) {
      const form = new URLSearchParams(body);
      const role = form.get('RoleArn') ?? '';
      if (started.roles.get(role) !== form.get('ExternalId'))
        return xml(
          403,
          `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>`,
        );
      const lent = { id: 'ASIAROLEROLEROLEROLE', secret: 'lent/secret/lent/secret/lent/secret/1234', session: `lent+to/${role}==` };
      started.keys.set(lent.id, lent);
      const until = new Date(Date.now() + 3_600_000).toISOString();
      return xml(
        200,
        `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>${lent.id}</AccessKeyId><SecretAccessKey>${lent.secret}</SecretAccessKey><SessionToken>${lent.session}</SessionToken><Expiration>${until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      );
    }
    if (home === undefined) return error(404, 'NoSuchBucket');
    if (proof?.[3] !== home)
      return error(301, 'PermanentRedirect', 'Use the endpoint.', { 'x-amz-bucket-region': home, location: 'http://127.0.0.1:9/stolen' });
    if (!url.searchParams.has('list-type')) {
      const content = started.objects.get(`${bucket}/${rest.join('/')}`);
      if (content === undefined) return error(404, 'NoSuchKey');
      if (request.headers['if-match'] !== etagOf(content)) return error(412, 'PreconditionFailed');
      return send(response, content, { etag: etagOf(content) }, fault);
    }
    const prefix = url.searchParams.get('prefix') ?? '';
    const names = [...started.objects.keys()].filter((name) => name.startsWith(`${bucket}/${prefix}`)).sort();
    const from = Number(url.searchParams.get('continuation-token')?.split('=')[1] ?? 0);
    const rows = names.slice(from, from + page).map((name) => {
      const content = started.objects.get(name) ?? '';
      const key = new URLSearchParams({ '': name.slice(bucket.length + 1) }).toString().slice(1);
      return `<Contents><Key>${key.replaceAll('%2F', '/')}</Key><ETag>${etagOf(content).replaceAll('"', '&quot;')}</ETag><Size>${Buffer.byteLength(content)}</Size><Owner><ID>x</ID></Owner></Contents>`;
    });
    const more = from + page < names.length;
    const next = more ? `<NextContinuationToken>from+/=${from + page}</NextContinuationToken>` : '';
    send(
      response,
      `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><Prefix>${escaped(prefix)}</Prefix><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${rows.join('')}${next}</ListBucketResult>`,
      { 'content-type': 'application/xml' },
      fault,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const started: AwsServer = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: new Map(),
    keys: new Map(),
    roles: new Map(),
    faults: undefined,
    asked: [],
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return started;
}

const etagOf = (content: string): string => `"${createHash('md5').update(content).digest('hex')}"`;

/** As AWS's manual has it, from the receiving end: only what is said to be signed counts, and it must be all that matters. */
function signatureOf(request: IncomingMessage, body: string, secret: string): string | undefined {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const [, day, region, service, list] =
    /Credential=[^/]+\/(\d+)\/([^/]+)\/(\w+)\/aws4_request, SignedHeaders=([\w;-]+)/.exec(request.headers.authorization ?? '') ?? [];
  const names = list?.split(';') ?? [];
  const must = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))];
  const time = String(request.headers['x-amz-date']);
  if (!must.every((name) => names.includes(name)) || !day || !time.startsWith(day)) return undefined;
  if (service === 's3' && request.headers['x-amz-content-sha256'] !== hash(body)) return undefined;
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const rewritten = (text: string) => [...Buffer.from(decodeURIComponent(text))].map(byteWritten).join('');
  const canonical = `${request.method}\n${path.split('/').map(rewritten).join('/')}\n${query
    .split('&')
    .filter(Boolean)
    .map((pair) => pair.split('=').map(rewritten).join('='))
    .sort()
    .join('&')}\n${names.map((name) => `${name}:${String(request.headers[name]).trim()}\n`).join('')}\n${names.join(';')}\n${hash(body)}`;
  let key: Buffer | string = `AWS4${secret}`;
  for (const part of [day, region, service, 'aws4_request']) key = createHmac('sha256', key).update(String(part)).digest();
  return createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${time}\n${day}/${region}/${service}/aws4_request\n${hash(canonical)}`)
    .digest('hex');
}
const byteWritten = (byte: number): string => {
  const char = String.fromCharCode(byte);
  return /[\w.~-]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
};
