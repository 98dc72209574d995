import { tenantId } from '@convergence/contracts';
import { expect, test } from '@jest/globals';
import { RateLimit } from './rate-limit.ts';

test('a tenant may ask so often a minute, is told what is left, and does not spend what others have', async () => {
  const limit = new RateLimit(3);
  const headers: Record<string, string> = {};
  const take = (tenant: string) => limit.take(tenantId(tenant), (name, value) => (headers[name] = value));

  await take('acme_corp');
  expect(headers['RateLimit-Policy']).toBe('"execution";q=3;w=60');
  expect(headers.RateLimit).toMatch(/^"execution";r=2;t=(60|59)$/);
  await take('acme_corp');
  await take('acme_corp');
  expect(headers.RateLimit).toMatch(/;r=0;/);

  const refused = await take('acme_corp').catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'quota.rate_exceeded', fields: { tenant_id: 'acme_corp', customer_id: 'acme_corp' } });
  const { retryAfterSeconds, message } = refused as { retryAfterSeconds: number; message: string };
  expect(retryAfterSeconds).toBeGreaterThan(0);
  expect(message).toBe(`Rate limit exceeded. Try again in ${retryAfterSeconds} seconds.`);

  await take('globex');
});
