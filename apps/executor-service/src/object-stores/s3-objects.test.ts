import { type Fault, startAwsServer } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { cloudForEachTest } from './testing/cloud-for-each-test.ts';

const KEYS = { access_key_id: 'AKIAIOSFODNN7EXAMPLE', secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const OURS = { accessKeyId: 'AKIAOURSOURSOURSOURS', secretAccessKey: 'ours/ours/ours/ours/ours/ours/ours/ours1' };
const ROLE = 'arn:aws:iam::123456789012:role/reader';
const { server, time, signal, open, names, fetched, mustBeAsListed } = cloudForEachTest({
  start: async () => {
    const aws = await startAwsServer({ exports: 'eu-central-1', 'with.dots': 'us-east-1' }, { page: 2 });
    aws.keys.set(KEYS.access_key_id, { secret: KEYS.secret_access_key });
    aws.keys.set(OURS.accessKeyId, { secret: OURS.secretAccessKey });
    return aws;
  },
  uri: 's3://exports/costs',
  secret: KEYS,
  reached: (host) => ({ platformKeys: OURS, endpoints: { aws: `http://${host}` } }),
});
const listsOnly = (fault: Fault, times = 100) => {
  server.faults = ({ url }) => (!url?.includes('list-type') && times-- > 0 ? fault : undefined);
};

describe('a folder of a bucket of S3', () => {
  test('is listed over all pages, below its prefix only, and read byte by byte whatever its objects are called', async () => {
    const odd = "costs/a b+c=ü&~'()*!@;$#?<>\n%41.csv";
    for (const name of [odd, 'costs/', 'costs/b/', 'costs/b/2.csv', 'costs/a.csv', 'costs_of_others/x.csv', 'costs/z.csv'])
      server.objects.set(`exports/${name}`, `of ${name}, ü`);
    for (const uri of ['s3://exports/costs', 's3://exports/costs/', 's3://exports//costs'])
      expect(await names(uri)).toEqual([odd.slice(6), 'a.csv', 'b/2.csv', 'z.csv']);
    expect(await names('s3://exports')).toHaveLength(5);
    expect(await fetched()).toBe(`of ${odd}, ü`);
  });

  test('is found in its region, without following where the answer points, and asked there from then on', async () => {
    server.objects.set('exports/costs/a.csv', 'x');
    expect(await fetched()).toBe('x');
    expect(server.asked.map(({ headers }) => /\/(\w+-\w+-\d)\/s3\//.exec(headers.authorization ?? '')?.[1])).toEqual([
      'us-east-1',
      'eu-central-1',
      'eu-central-1',
    ]);
    server.asked.length = 0;
    await names('s3://exports/costs', { ...KEYS, region: 'eu-central-1' });
    expect(server.asked).toHaveLength(1);
  });

  test('is at the host of its bucket and region at Amazon, and at no other', async () => {
    const asked: string[] = [];
    const dead: typeof fetch = async (input) => {
      asked.push(new URL(input as URL).host);
      return new Response('', { status: 404 });
    };
    for (const [uri, more] of [
      ['s3://exports/costs', {}],
      ['s3://with.dots/costs', {}],
      ['s3://exports/costs', { region: 'cn-north-1' }],
    ] as const) {
      const store = await open(uri, { ...KEYS, ...more }, { fetch: dead, endpoints: {} });
      await expect(store.list(signal)).rejects.toMatchObject({ code: 'object.not_found' });
    }
    expect(asked).toEqual(['exports.s3.us-east-1.amazonaws.com', 's3.us-east-1.amazonaws.com', 'exports.s3.cn-north-1.amazonaws.com.cn']);
  });

  test('is found also when S3 names its region in the answer alone', async () => {
    const asked: string[] = [];
    const malformed = '<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>';
    const elsewhere: typeof fetch = async (input) => {
      asked.push(new URL(input as URL).host);
      return asked.length === 1 ? new Response(malformed, { status: 400 }) : new Response('<ListBucketResult></ListBucketResult>');
    };
    expect(await (await open(undefined, KEYS, { fetch: elsewhere, endpoints: {} })).list(signal)).toEqual([]);
    expect(asked).toEqual(['exports.s3.us-east-1.amazonaws.com', 'exports.s3.eu-central-1.amazonaws.com']);
  });

  test('an answer that names a region which is none, or ever another, is refused', async () => {
    const asked: string[] = [];
    const lying: typeof fetch = async (input) => {
      asked.push(new URL(input as URL).host);
      return new Response('', { status: 301, headers: { 'x-amz-bucket-region': 'evil.example/', location: 'https://evil.example/' } });
    };
    const store = await open(undefined, KEYS, { fetch: lying, endpoints: {} });
    await expect(store.list(signal)).rejects.toMatchObject({ code: 'object.refused' });
    expect(asked).toEqual(['exports.s3.us-east-1.amazonaws.com']);
    server.faults = () => ({
      status: 301,
      code: 'PermanentRedirect',
      headers: { 'x-amz-bucket-region': server.asked.length % 2 ? 'eu-west-1' : 'eu-west-2' },
    });
    await expect(names()).rejects.toMatchObject({ code: 'object.refused' });
    expect(server.asked).toHaveLength(2);
  });

  test('is empty where there is nothing, and a name that no URL can hold is said to be so', async () => {
    expect(await names()).toEqual([]);
    server.objects.set('exports/costs/../x.csv', 'x');
    await expect(fetched()).rejects.toMatchObject({ code: 'object.name', errorClass: 'schema', transient: false });
  });
});

describe('who may read it', () => {
  test('keys of a session are shown with their session', async () => {
    server.objects.set('exports/costs/a.csv', 'x');
    server.keys.set('ASIAIOSFODNN7EXAMPLE', { secret: KEYS.secret_access_key, session: 'of/a+session==' });
    const session = { ...KEYS, access_key_id: 'ASIAIOSFODNN7EXAMPLE' };
    expect(await names(undefined, { ...session, session_token: 'of/a+session==' })).toEqual(['a.csv']);
    await expect(names(undefined, { ...session, session_token: 'of another' })).rejects.toMatchObject({ code: 'object.credential' });
  });

  test.each([
    [undefined, 'acme_corp'],
    ['from-us', 'acme_corp:from-us'],
  ])('a role lends its keys to whom shows %s behind the name of its tenant', async (external_id, expected) => {
    server.objects.set('exports/costs/a.csv', 'x');
    server.roles.set(ROLE, expected);
    const role = { role_arn: ROLE, ...(external_id && { external_id }) };
    const store = await open(undefined, role);
    expect((await store.list(signal)).map((o) => o.name)).toEqual(['a.csv']);
    const assumed = () => server.asked.filter(({ method }) => method === 'POST').length;
    await store.list(signal);
    expect(assumed()).toBe(1);
    // Five minutes before its end it is borrowed anew.
    time.now += 3_590_000;
    await store.list(signal).catch(() => undefined);
    expect(assumed()).toBe(2);
  });

  test('a role of another tenant is not lent, whatever external id is stored', async () => {
    server.roles.set(ROLE, 'globex_inc');
    for (const external_id of [undefined, 'globex_inc'])
      await expect(names(undefined, { role_arn: ROLE, ...(external_id && { external_id }) })).rejects.toMatchObject({
        code: 'credential.role_denied',
        errorClass: 'permission',
        transient: false,
        hint: expect.stringContaining(external_id ? 'acme_corp:globex_inc' : 'sts:ExternalId acme_corp.'),
      });
  });

  test('without an identity of our own no role is assumed; a credential without either is none', async () => {
    const store = await open(undefined, { role_arn: ROLE }, { platformKeys: undefined });
    await expect(store.list(signal)).rejects.toMatchObject({ code: 'credential.role', errorClass: 'credential' });
    for (const secret of [{}, { role_arn: 'arn:aws:iam::1:user/x' }, { ...KEYS, region: 'evil.example/' }])
      await expect(names(undefined, secret)).rejects.toMatchObject({ code: 'credential.shape' });
    expect(server.asked).toHaveLength(0);
  });

  test.each([
    ['access_key_id', 'AKIANOBODYNOBODYNOBO'],
    ['secret_access_key', 'wrong/wrong/wrong/wrong/wrong/wrong/wrong'],
  ])('a wrong %s is said to be so, and is in no message', async (name, value) => {
    const failure = await names(undefined, { ...KEYS, [name]: value }).catch((error: unknown) => error as Error & { hint: string });
    expect(failure).toMatchObject({ code: 'object.credential', errorClass: 'credential', transient: false });
    expect(JSON.stringify([failure, (failure as Error).message, (failure as Error).stack])).not.toContain(value);
  });
});

describe('what S3 refuses is said in words for who can do something about it', () => {
  test.each([
    [
      { status: 403, code: 'AccessDenied' },
      { code: 'object.access_denied', errorClass: 'permission', hint: expect.stringContaining('s3:ListBucket') },
    ],
    [
      { status: 400, code: 'ExpiredToken' },
      { code: 'object.credential', errorClass: 'credential', message: 'The session of the AWS credential has ended.' },
    ],
    [
      {
        status: 403,
        code: 'AccessDenied',
        message: 'User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt on resource: y',
      },
      { code: 'object.encrypted', errorClass: 'permission', hint: expect.stringContaining('kms:Decrypt') },
    ],
    [
      { status: 400, code: 'KMS.DisabledException' },
      { code: 'object.encrypted', errorClass: 'permission' },
    ],
    [
      { status: 403, code: 'InvalidObjectState' },
      { code: 'object.archived', errorClass: 'source_not_ready', hint: expect.stringContaining('Restore') },
    ],
    [
      { status: 403, code: 'RequestTimeTooSkewed' },
      { code: 'object.refused', errorClass: 'internal' },
    ],
  ])('%j', async (fault, failure) => {
    server.objects.set('exports/costs/a.csv', 'x');
    listsOnly(fault);
    await expect(fetched()).rejects.toMatchObject({ transient: false, ...failure });
    expect(time.waited).toEqual([]);
  });

  test('no such bucket', async () => {
    await expect(names('s3://nobody/costs')).rejects.toMatchObject({
      code: 'object.not_found',
      message: 'There is no bucket nobody.',
      transient: false,
    });
  });

  test('an object that is gone or changed between list and read may be right the next time', () => mustBeAsListed('exports/costs/a.csv'));
});

describe('what may pass by itself is waited for in place', () => {
  test.each([
    [{ status: 503, code: 'SlowDown' }, [1, 2]],
    [{ status: 503, code: 'SlowDown', headers: { 'retry-after': '7' } }, [7, 7]],
    [{ status: 429, code: 'x' }, [1, 2]],
    [{ status: 500, code: 'InternalError' }, [1, 2]],
    ['cut', [1, 2]],
    ['short', [1, 2]],
  ] as const)('%j', async (fault, pauses) => {
    server.objects.set('exports/costs/a.csv', 'all of it, and more than once');
    listsOnly(fault as Fault, 2);
    expect(await fetched()).toBe('all of it, and more than once');
    expect(time.waited).toEqual(pauses);
  });

  test.each([
    [
      { status: 503, code: 'SlowDown' },
      { code: 'object.rate_limit', errorClass: 'rate_limit' },
    ],
    [
      { status: 503, code: 'SlowDown', headers: { 'retry-after': '600' } },
      { code: 'object.rate_limit', retryAfterSeconds: 600 },
    ],
    [
      { status: 502, code: 'x' },
      { code: 'object.unreachable', errorClass: 'source_not_ready' },
    ],
    ['cut', { code: 'object.cut_short', message: 'Amazon S3 broke off within costs/a.csv.' }],
  ] as const)('but not for ever: %j', async (fault, failure) => {
    server.objects.set('exports/costs/a.csv', 'x,y');
    listsOnly(fault as Fault);
    await expect(fetched()).rejects.toMatchObject({ transient: true, ...failure });
    expect(time.waited).toEqual('retryAfterSeconds' in failure ? [] : [1, 2, 4, 8]);
  });

  test.each(['cut', 'short'] as const)('a list that is %s is none', async (fault) => {
    server.objects.set('exports/costs/a.csv', 'x');
    let times = 2;
    server.faults = () => (server.asked.length > 1 && times-- > 0 ? fault : undefined);
    expect(await names()).toEqual(['a.csv']);
    expect(time.waited).toEqual([1, 2]);
  });

  test('a connection that can not be made', async () => {
    const store = await open();
    await server.close();
    await expect(store.list(signal)).rejects.toMatchObject({ code: 'object.unreachable', transient: true });
    expect(time.waited).toEqual([1, 2, 4, 8]);
  });
});
