import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { rest } from './rest.ts';

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const config = {
  project: 'their-project',
  location: 'EU',
  credentials: { client_email: 'reader@their-project.iam.gserviceaccount.com', private_key: privateKey },
};

test('signs in at Google Cloud with the account that it was given', async () => {
  const { client } = rest(config);
  expect(await client.authClient.getCredentials()).toMatchObject(config.credentials);
  expect(client.projectId).toBe('their-project');
});

test('never shows the account to a host that stands in for Google Cloud', () => {
  const { client } = rest({ ...config, hosts: { bigquery: '127.0.0.1:9' } });
  expect(JSON.stringify(client.authClient.jsonContent ?? null)).not.toContain('reader@');
});

test('asks again when no answer comes', async () => {
  let asked = 0;
  const server = createServer((_, response) => ++asked > 1 && response.end('{"kind":"answer"}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hosts = { bigquery: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  const { patiently } = rest({ project: 'p', location: 'US', hosts }, 200);
  expect(await patiently('GET', '/datasets')).toEqual({ kind: 'answer' });
  expect(asked).toBe(2);
  server.closeAllConnections();
  server.close();
});
