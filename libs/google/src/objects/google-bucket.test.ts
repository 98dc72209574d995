import { generateKeyPairSync, verify } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transient } from '@convergence/contracts';
import { type BucketServer, startBucketServer } from '@convergence/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type BucketObject, BucketRefused, type GoogleBucket, googleBucket } from './google-bucket.ts';

const { signal } = new AbortController();
let server: BucketServer;
beforeEach(async () => {
  server = await startBucketServer('exports');
});
afterEach(() => server.close());
const noAccount = () => Promise.reject(new Error('nobody asks for one'));
const local = () => googleBucket({ bucket: 'exports', account: noAccount, endpoint: `http://${server.host}` });
const listOf = async (bucket: GoogleBucket, prefix = '') => {
  const objects: BucketObject[] = [];
  for await (const page of bucket.list(prefix, signal)) objects.push(...page);
  return objects;
};

describe('a bucket of Cloud Storage', () => {
  test('is listed over all pages and saved byte by byte; on this machine it is shown no key', async () => {
    for (const name of ['a/1.csv', 'a/2 ü&?#.csv', 'a/3.csv', 'a/b/4.csv', 'a/5.csv', 'c.csv']) server.objects.set(name, `of ${name}`);
    const objects = await listOf(local(), 'a/');
    expect(objects.map(({ name }) => name)).toEqual(['a/1.csv', 'a/2 ü&?#.csv', 'a/3.csv', 'a/5.csv', 'a/b/4.csv']);
    const folder = await mkdtemp(join(tmpdir(), 'bucket-'));
    const [, odd] = objects as [BucketObject, BucketObject];
    await local().save(odd, join(folder, 'x'), signal);
    expect(await readFile(join(folder, 'x'), 'utf8')).toBe('of a/2 ü&?#.csv');
    server.objects.set(odd.name, 'of another delivery');
    await expect(local().save(odd, join(folder, 'x'), signal)).rejects.toMatchObject({ name: 'BucketRefused', status: 412 });
    await rm(folder, { recursive: true });
    expect(server.asked.some(({ headers }) => headers.authorization)).toBe(false);
  });

  test.each([400, 401, 403, 404])('%d is a refusal, which says which', async (status) => {
    server.status = status;
    await expect(listOf(local())).rejects.toMatchObject({ name: 'BucketRefused', status });
  });

  test.each([429, 500, 503])('%d may pass by itself', async (status) => {
    server.status = status;
    await expect(listOf(local())).rejects.toBeInstanceOf(Transient);
  });

  test('so may a connection that can not be made', async () => {
    const nobody = googleBucket({ bucket: 'exports', account: noAccount, endpoint: 'http://127.0.0.1:9' });
    await expect(listOf(nobody)).rejects.toBeInstanceOf(Transient);
  });

  test('a key that is none is refused before anything is sent', async () => {
    const account = async () => ({ client_email: 'a@b.iam.gserviceaccount.com', private_key: 'no key' });
    const unasked = async () => Promise.reject(new Error('nobody is asked'));
    await expect(listOf(googleBucket({ bucket: 'exports', account, fetch: unasked }))).rejects.toBeInstanceOf(BucketRefused);
  });
});

/** Google's documents of server to server sign-in (RFC 7523), from the end of who is asked. */
describe('a service account signs in at Google', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = {
    client_email: 'reader@acme.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    // As in the file that Google gives out, but for where it points.
    token_uri: 'https://tokens.evil.example/token',
  };
  const asked: string[] = [];
  const google =
    (signIn: (form: URLSearchParams) => Response): typeof fetch =>
    async (input, init) => {
      const request = new Request(input, init);
      const { origin, pathname } = new URL(request.url);
      asked.push(`${request.method} ${origin}${pathname}`);
      if (request.method === 'POST') return signIn(new URLSearchParams(await request.text()));
      const allowed = request.headers.get('authorization') === 'Bearer ya29.of-google';
      return allowed ? Response.json({ items: [{ name: 'a.csv', size: '1', generation: '1' }] }) : Response.json({}, { status: 401 });
    };
  const listed = (signIn: (form: URLSearchParams) => Response) =>
    listOf(googleBucket({ bucket: 'exports', account: async () => key, fetch: google(signIn) }));
  beforeEach(() => {
    asked.length = 0;
  });

  test('with an assertion that Google takes, and nowhere else, whatever place of tokens its key names', async () => {
    let form = new URLSearchParams();
    const names = await listed((sent) => {
      form = sent;
      return Response.json({ access_token: 'ya29.of-google', expires_in: 3599, token_type: 'Bearer' });
    });
    expect(names.map(({ name }) => name)).toEqual(['a.csv']);
    expect(asked).toEqual(['POST https://oauth2.googleapis.com/token', 'GET https://storage.googleapis.com/storage/v1/b/exports/o']);
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [header = '', claims = '', signature = ''] = form.get('assertion')?.split('.') ?? [];
    const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    expect(decoded(header)).toMatchObject({ alg: 'RS256' });
    expect(verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
    const { iat, exp, ...rest } = decoded(claims);
    expect(rest).toEqual({
      iss: key.client_email,
      aud: 'https://oauth2.googleapis.com/token',
      scope: 'https://www.googleapis.com/auth/devstorage.read_only',
    });
    expect(exp - iat).toBe(3600);
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(60);
  });

  test.each([
    [400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }],
    [400, { error: 'invalid_grant', error_description: 'Invalid grant: account not found' }],
    [401, { error: 'unauthorized_client', error_description: 'Client is unauthorized to retrieve access tokens using this method.' }],
  ])('%d %j: its key is not taken', async (status, body) => {
    await expect(listed(() => Response.json(body, { status }))).rejects.toMatchObject({ name: 'BucketRefused', status: 401 });
    expect(asked).toEqual(['POST https://oauth2.googleapis.com/token']);
  });

  test.each(['EAI_AGAIN', 'ECONNRESET', 'UND_ERR_SOCKET'])('%s: Google is away, and the key as good as before', async (code) => {
    const signIn = () => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
    };
    await expect(listed(signIn)).rejects.toBeInstanceOf(Transient);
  });

  test.each([429, 503])('%d of its place of tokens may pass by itself', async (status) => {
    await expect(listed(() => Response.json({}, { status }))).rejects.toBeInstanceOf(Transient);
  });
});
