import { DIRECTORY, type Fault, startAzureServer } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { cloudForEachTest } from './testing/cloud-for-each-test.ts';

const APP = {
  tenant_id: '11111111-2222-3333-4444-555555555555',
  client_id: '66666666-7777-8888-9999-000000000000',
  client_secret: 'a~secret~of~azure',
};
const { server, time, signal, open, names, fetched, mustBeAsListed } = cloudForEachTest({
  start: async () => {
    const azure = await startAzureServer(['acmecosts/exports'], { page: 2 });
    azure.apps.set(`${APP.tenant_id}/${APP.client_id}`, APP.client_secret);
    return azure;
  },
  uri: 'azure://acmecosts/exports/costs',
  secret: APP,
  reached: (host) => ({ platformKeys: undefined, endpoints: { azure: `http://${host}` } }),
});
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
    time.now += 3_290_000;
    await store.list(signal);
    expect(signedIn()).toBe(1);
    time.now += 10_000;
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
    expect(time.waited).toEqual([3, 3]);
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
    expect(time.waited).toEqual([]);
  });

  test('no such container', async () => {
    await expect(names('azure://acmecosts/nobody/costs')).rejects.toMatchObject({
      message: 'There is no container nobody in acmecosts.',
      transient: false,
    });
  });

  test('a blob that is gone or changed between list and read may be right the next time', () =>
    mustBeAsListed('acmecosts/exports/costs/a.csv'));

  test.each([
    [{ status: 503, code: 'ServerBusy' }, 'object.rate_limit', [1, 2]],
    [{ status: 500, code: 'OperationTimedOut', headers: { 'retry-after': '9' } }, 'object.unreachable', [9, 9]],
    ['cut', 'object.cut_short', [1, 2]],
    ['short', 'object.cut_short', [1, 2]],
  ] as const)('%j is waited for in place, not for ever', async (fault, code, pauses) => {
    server.objects.set('acmecosts/exports/costs/a.csv', 'all of it');
    blobsOnly(fault as Fault, 2);
    expect(await fetched()).toBe('all of it');
    expect(time.waited).toEqual(pauses);
    blobsOnly(fault as Fault);
    await expect(fetched()).rejects.toMatchObject({ code, transient: true });
  });

  test.each(['cut', 'short'] as const)('a list that is %s is none', async (fault) => {
    server.objects.set('acmecosts/exports/costs/a.csv', 'x');
    let times = 2;
    server.faults = ({ url }) => (!isToken(url) && times-- > 0 ? fault : undefined);
    expect(await names()).toEqual(['a.csv']);
    expect(time.waited).toEqual([1, 2]);
  });
});
