import { describe, expect, test } from '@jest/globals';
import { createLog } from './log.ts';
import { isSecretKey, REDACTED } from './redact.ts';
import { inSpan, startTracing } from './trace.ts';

function logged(secrets: string[] = []) {
  const lines: string[] = [];
  const log = createLog({
    service: 'svc',
    project: 'proj',
    level: 'trace',
    secrets,
    destination: { write: (line: string) => lines.push(line) },
  });
  return { log, lines, text: () => lines.join(''), last: () => JSON.parse(lines.at(-1) ?? '{}') };
}

/** Built from parts so that no scanner takes this file for a leak. */
const join = (...parts: string[]) => parts.join('');
const SECRETS: Record<string, string> = {
  'a tenant API key': join('acme_corp_api', '_', 'kJ8d7fGh2mNq9wXz4vBt6yLp'),
  'a PEM private key': join('-----BEGIN ', 'PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END ', 'PRIVATE KEY-----\n'),
  'a JWT': join('eyJhbGciOiJIUzI1NiJ9', '.', 'eyJzdWIiOiJ0ZXN0In0', '.', 'c2lnbmF0dXJlLXBhcnQ'),
  'an AWS access key id': join('AKIA', 'IOSFODNN7EXAMPLE'),
  'an OpenAI key': join('sk-', 'proj-abcdefghijklmnopqrstuvwx'),
  'an Anthropic admin key': join('sk-ant-', 'admin01-abcdefghijklmnopqrstuvwx'),
  'a Stripe key': join('sk_live', '_', '4eC39HqLyjWDarjtT1zdp7dc'),
  'a Stripe webhook secret': join('whsec', '_', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
  'a Google API key': join('AIza', 'SyA1234567890abcdefghijklmnopqrstuvw'),
  'a Google access token': join('ya29.', 'a0AfH6SMBx1234567890'),
  'a Slack token': join('xoxb', '-1234567890-abcdefghij'),
  'a Slack webhook path': join('T00000000', '/B00000000/', 'XXXXXXXXXXXXXXXXXXXXXXXX'),
};
const WRAP: Record<string, (secret: string) => string> = {
  'a Slack webhook path': (secret) => `https://hooks.slack.com/services/${secret}`,
};

describe('the log redacts by value', () => {
  for (const [kind, secret] of Object.entries(SECRETS)) {
    const value = WRAP[kind]?.(secret) ?? secret;
    const core = secret.includes('MII') ? 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC' : secret;
    const ways: Record<string, (l: ReturnType<typeof logged>) => void> = {
      'in the message': ({ log }) => log.info(`calling with ${value} now`),
      'in an innocent field': ({ log }) => log.info({ note: value }, 'x'),
      'deep in a field': ({ log }) => log.info({ a: { b: [{ c: value }] } }, 'x'),
      'in an error and its cause': ({ log }) => log.error({ err: new Error('outer', { cause: new Error(`bad ${value}`) }) }, 'x'),
      'in a child binding': ({ log }) => log.child({ where: value }).info('x'),
      'as JSON in a text': ({ log }) => log.info({ body: JSON.stringify({ note: value }) }, 'x'),
    };
    for (const [way, write] of Object.entries(ways)) {
      test(`${kind} ${way}`, () => {
        const kept = logged();
        write(kept);
        expect(kept.lines).toHaveLength(1);
        expect(kept.text()).not.toContain(core);
        expect(kept.text()).toContain(REDACTED);
        expect(() => kept.last()).not.toThrow();
      });
    }
  }

  test.each([
    ['a bearer header', 'Authorization: Bearer abc.def-123456', 'abc.def-123456'],
    ['basic credentials', 'Basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpwYXNzd29yZA=='],
    ['a URL password', 'smtp://user:hunter22@mail.example:587', 'hunter22'],
    ['a query parameter', 'GET https://x.example/a?api_key=topsecret1&b=2', 'topsecret1'],
    ['a SAS signature', 'https://x.blob.example/c?sv=1&sig=abcDEF%2B123', 'abcDEF%2B123'],
    ['an X-API-Key header', 'curl -H "X-API-Key: plainvalue99"', 'plainvalue99'],
    ['an X-Admin-Key header', '{"X-Admin-Key":"dev-admin-key"}', 'dev-admin-key'],
    ['an Azure connection string', 'x;AccountKey=abcd1234efgh==;y', 'abcd1234efgh'],
    ['a service account in a text', '{"client_email":"a@b","private_key":"not-pem-at-all"}', 'not-pem-at-all'],
  ])('%s', (_, line, secret) => {
    const kept = logged();
    kept.log.warn(line);
    kept.log.warn({ detail: { line } }, 'x');
    expect(kept.text()).not.toContain(secret);
  });

  test("this process's own secrets, whatever they look like", () => {
    const kept = logged(['correct horse "battery"']);
    kept.log.info('the key is correct horse "battery"');
    expect(kept.text()).not.toContain('battery');
  });
});

describe('the log redacts by key', () => {
  test.each([
    'password',
    'api_key',
    'apiKey',
    'X-API-Key',
    'x-admin-key',
    'authorization',
    'private_key',
    'credentials',
    'refreshToken',
    'client_secret',
    'secret_access_key',
    'cookie',
    'SMTP_URL',
    'stripe-signature',
  ])('%s', (key) => {
    const kept = logged();
    kept.log.info({ outer: { [key]: { any: 'plain words' } } }, 'x');
    kept.log.info({ [key]: 'plain words' }, 'x');
    kept.log.child({ [key]: 'plain words' }).info('x');
    expect(kept.text()).not.toContain('plain words');
  });
  test('ids and names of secrets stay readable', () => {
    for (const key of ['api_key_id', 'credential_name', 'credential_type', 'key_prefix', 'secret_version', 'tenant_id']) {
      expect(isSecretKey(key)).toBe(false);
    }
  });
  test("an HTTP client's error does not drag its request along", () => {
    const kept = logged();
    const error = Object.assign(new Error('403'), {
      config: { headers: { a: 'plain words' } },
      response: { data: 'plain words' },
      code: 'EX',
    });
    kept.log.error({ err: error }, 'x');
    expect(kept.text()).not.toContain('plain words');
    expect(kept.last().err).toMatchObject({ type: 'Error', message: '403', code: 'EX' });
  });
});

test('a line has the fields Google Cloud Logging reads, and the trace inside a span', async () => {
  const tracing = startTracing({ service: 'svc' });
  const kept = logged();
  kept.log.warn({ n: 1 }, 'outside');
  expect(kept.last()).toMatchObject({ severity: 'WARNING', service: 'svc', message: 'outside', n: 1 });
  expect(kept.last()).not.toHaveProperty('trace_id');
  await inSpan('work', {}, async (span) => {
    kept.log.info('inside');
    const { traceId, spanId } = span.spanContext();
    expect(kept.last()).toMatchObject({
      'logging.googleapis.com/trace': `projects/proj/traces/${traceId}`,
      'logging.googleapis.com/spanId': spanId,
      trace_id: traceId,
    });
  });
  await tracing.stop();
});
