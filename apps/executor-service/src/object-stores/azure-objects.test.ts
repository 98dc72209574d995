import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@convergence/ports';
import { type AzureServer, DIRECTORY, type Fault, startAzureServer } from '@convergence/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ObjectStoreOptions, objectStores } from './object-stores.ts';

const APP = {
  tenant_id: '11111111-2222-3333-4444-555555555555',
  client_id: '66666666-7777-8888-9999-000000000000',
  client_secret: 'a~secret~of~azure',
};
const { signal } = new AbortController();
let server: AzureServer;
let folder: string;
let waited: number[];
let now: number;
const clock: Clock = {
  now: () => now,
  sleep: async (ms) => void waited.push(ms / 1000),
};
beforeEach(async () => {
  server = await startAzureServer(['acmecosts/exports'], { page: 2 });
  server.apps.set(`${APP.tenant_id}/${APP.client_id}`, APP.client_secret);
  folder = await mkdtemp(join(tmpdir(), 'azure-'));
  waited = [];
  now = Date.now();
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  await server.close();
});

const open = (uri = 'azure://acmecosts/exports/costs', secret: Record<string, unknown> = APP, more: Partial<ObjectStoreOptions> = {}) =>
  objectStores({ objectsDir: folder, fetch, clock, platformKeys: undefined, endpoints: { azure: `http://${server.host}` }, ...more })(uri, {
    tenantId: 'acme_corp',
    credential: async (provider) => ({ credential_id: 'c', provider, project_id: null, secret }),
  });
const names = async (uri?: string, secret?: Record<string, unknown>) => (await (await open(uri, secret)).list(signal)).map((o) => o.name);
/** The first blob of the folder, as it was listed. */
async function fetched(): Promise<string> {
  const store = await open();
  const [object] = await store.list(signal);
  if (!object) throw new Error('nothing is listed');
  await store.fetch(object, join(folder, 'x'), signal);
  return readFile(join(folder, 'x'), 'utf8');
}
const isToken = (url = '') => url.endsWith('/token');
const blobsOnly = (fault: Fault, times = 100) => {
  server.faults = ({ url = '' }) => (!isToken(url) && !url.includes('comp=list') && times-- > 0 ? fault : undefined);
};

describe('a folder of a container of Azure Storage', () => {
  test('is listed over all pages, below its prefix only, and read byte by byte whatever its blobs are called', async () => {
    const odd = "costs/\u0001a b+c=ü&~'()!@;$#?<>%41/../x.csv";
    for (const name of [odd, 'costs/b/2.csv', 'costs/a.csv', 'costs_of_others/x.csv', 'costs/<z>.csv'])
      server.objects.set(`acmecosts/exports/${name}`, `of ${name}, ü`);
    for (const name of ['costs/', 'costs/b']) server.objects.set(`acmecosts/exports/${name}`, DIRECTORY);
    for (const uri of ['azure://acmecosts/exports/costs', 'azure://acmecosts/exports//costs/'])
      expect(await names(uri)).toEqual([odd.slice(6), '<z>.csv', 'a.csv', 'b/2.csv']);
    expect(await names('azure://acmecosts/exports')).toHaveLength(5);
    expect(await fetched()).toBe(`of ${odd}, ü`);
  });

  test('is at the hosts of Microsoft, and at no other', async () => {
    const asked: string[] = [];
    const dead: typeof fetch = async (input) => {
      const { href, pathname } = input as URL;
      asked.push(href);
      return isToken(pathname) ? Response.json({ access_token: 't', expires_in: 3600 }) : new Response('', { status: 404 });
    };
    const store = await open(undefined, APP, { fetch: dead, endpoints: {} });
    await expect(store.list(signal)).rejects.toMatchObject({ code: 'object.not_found' });
    expect(asked).toEqual([
      `https://login.microsoftonline.com/${APP.tenant_id}/oauth2/v2.0/token`,
      'https://acmecosts.blob.core.windows.net/exports?comp=list&prefix=costs%2F&restype=container',
    ]);
  });

  test('an account whose name leads nowhere is said to be none', async () => {
    const dead: typeof fetch = async (input) => {
      if (isToken((input as URL).pathname)) return Response.json({ access_token: 't', expires_in: 3600 });
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }) });
    };
    const store = await open(undefined, APP, { fetch: dead });
    await expect(store.list(signal)).rejects.toMatchObject({ message: 'There is no storage account acmecosts.', transient: false });
  });

  test('a token serves until five minutes before its end', async () => {
    const store = await open();
    const signedIn = () => server.asked.filter(({ url }) => isToken(url)).length;
    await store.list(signal);
    now += 3_290_000;
    await store.list(signal);
    expect(signedIn()).toBe(1);
    now += 10_000;
    await store.list(signal);
    expect(signedIn()).toBe(2);
  });
});

describe('what Entra ID refuses is said without its words', () => {
  test.each([
    [{ client_secret: 'wrong~secret' }, /secret .* is wrong/, /AADSTS7000215/],
    [{ client_id: '00000000-0000-0000-0000-000000000000' }, /no app with the client_id/, /AADSTS700016/],
  ])('%j', async (more, message, hint) => {
    const failure = (await names(undefined, { ...APP, ...more }).catch((error: unknown) => error)) as Error;
    expect(failure).toMatchObject({
      code: 'object.credential',
      errorClass: 'credential',
      transient: false,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(JSON.stringify([failure, failure.message, failure.stack])).not.toContain('~secret');
  });

  test('an expired secret, and what has no number', async () => {
    server.faults = ({ url }) => (isToken(url) ? { status: 401, code: 'invalid_client', message: '7000222' } : undefined);
    await expect(names()).rejects.toMatchObject({ message: 'The client secret of the AZURE credential has expired.' });
    server.faults = ({ url }) => (isToken(url) ? { status: 400, code: 'who_knows' } : undefined);
    await expect(names()).rejects.toMatchObject({ code: 'object.credential', transient: false });
  });

  test('a credential of another shape is shown to nobody', async () => {
    for (const secret of [{}, { ...APP, tenant_id: '../evil' }, { ...APP, client_secret: undefined }])
      await expect(names(undefined, secret)).rejects.toMatchObject({ code: 'credential.shape', errorClass: 'credential' });
    expect(server.asked).toHaveLength(0);
  });

  test('when it is busy it is waited for', async () => {
    let busy = 2;
    server.faults = ({ url }) => (isToken(url) && busy-- > 0 ? { status: 429, code: 'x', headers: { 'retry-after': '3' } } : undefined);
    expect(await names()).toEqual([]);
    expect(waited).toEqual([3, 3]);
  });
});

describe('what Azure Storage refuses is said in words for who can do something about it', () => {
  test.each([
    [
      { status: 401, code: 'InvalidAuthenticationInfo' },
      { code: 'object.credential', errorClass: 'credential' },
    ],
    [
      { status: 403, code: 'AuthorizationPermissionMismatch' },
      { code: 'object.access_denied', hint: expect.stringContaining('Data Reader') },
    ],
    [
      { status: 403, code: 'AuthorizationFailure' },
      { code: 'object.access_denied', hint: expect.stringContaining('firewall') },
    ],
    [
      { status: 403, code: 'AccountIsDisabled' },
      { message: 'The storage account acmecosts is disabled.', errorClass: 'permission' },
    ],
    [
      { status: 409, code: 'BlobArchived' },
      { code: 'object.archived', errorClass: 'source_not_ready', hint: expect.stringContaining('Rehydrate') },
    ],
    [
      { status: 403, code: 'KeyVaultEncryptionKeyNotFound' },
      { code: 'object.encrypted', errorClass: 'permission' },
    ],
    [
      { status: 409, code: 'BlobUsesCustomerSpecifiedEncryption' },
      { code: 'object.encrypted', errorClass: 'permission' },
    ],
    [
      { status: 400, code: 'InvalidHeaderValue' },
      { code: 'object.refused', message: 'Azure Storage answered 400 InvalidHeaderValue.' },
    ],
  ])('%j', async (fault, failure) => {
    server.objects.set('acmecosts/exports/costs/a.csv', 'x');
    blobsOnly(fault);
    await expect(fetched()).rejects.toMatchObject({ transient: false, ...failure });
    expect(waited).toEqual([]);
  });

  test('no such container', async () => {
    await expect(names('azure://acmecosts/nobody/costs')).rejects.toMatchObject({
      message: 'There is no container nobody in acmecosts.',
      transient: false,
    });
  });

  test('a blob that is gone or changed between list and read may be right the next time', async () => {
    server.objects.set('acmecosts/exports/costs/a.csv', 'x');
    const store = await open();
    const [object] = await store.list(signal);
    server.objects.set('acmecosts/exports/costs/a.csv', 'y');
    await expect(store.fetch(object as never, join(folder, 'x'), signal)).rejects.toMatchObject({
      code: 'object.changed',
      transient: true,
    });
    server.objects.delete('acmecosts/exports/costs/a.csv');
    await expect(store.fetch(object as never, join(folder, 'x'), signal)).rejects.toMatchObject({
      code: 'object.not_found',
      transient: true,
    });
  });

  test.each([
    [{ status: 503, code: 'ServerBusy' }, 'object.rate_limit', [1, 2]],
    [{ status: 500, code: 'OperationTimedOut', headers: { 'retry-after': '9' } }, 'object.unreachable', [9, 9]],
    ['cut', 'object.cut_short', [1, 2]],
    ['short', 'object.cut_short', [1, 2]],
  ] as const)('%j is waited for in place, not for ever', async (fault, code, pauses) => {
    server.objects.set('acmecosts/exports/costs/a.csv', 'all of it');
    blobsOnly(fault as Fault, 2);
    expect(await fetched()).toBe('all of it');
    expect(waited).toEqual(pauses);
    blobsOnly(fault as Fault);
    await expect(fetched()).rejects.toMatchObject({ code, transient: true });
  });

  test.each(['cut', 'short'] as const)('a list that is %s is none', async (fault) => {
    server.objects.set('acmecosts/exports/costs/a.csv', 'x');
    let times = 2;
    server.faults = ({ url }) => (!isToken(url) && times-- > 0 ? fault : undefined);
    expect(await names()).toEqual(['a.csv']);
    expect(waited).toEqual([1, 2]);
  });
});
