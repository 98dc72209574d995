import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { LOOPBACK, outboundFetch } from './outbound-fetch.ts';

let server: Server;
let port: number;
let heard = 0;
beforeAll(async () => {
  server = createServer((request, response) => {
    heard++;
    if (request.url === '/away') response.writeHead(302, { location: '/' });
    response.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => void server.close());

const REFUSED = { code: 'http.inward', errorClass: 'permission', transient: false };

describe('nothing is sent into a private network', () => {
  test.each([
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '0.0.0.0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '169.254.169.254',
    '10.0.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.100.0.1',
    '255.255.255.255',
    '[fd00::1]',
    '[fe80::1]',
  ])('%s, written as an address', async (host) => {
    await expect(outboundFetch([])(`http://${host}:${port}/`)).rejects.toMatchObject(REFUSED);
  });

  test('localhost, a name that leads there', async () => {
    await expect(outboundFetch([])(`http://localhost:${port}/`)).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringContaining('localhost'),
    });
    expect(heard).toBe(0);
  });
});

describe('what the operator opens is reached', () => {
  const open = outboundFetch(LOOPBACK);

  test.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])('%s', async (host) => {
    expect(await (await open(`http://${host}:${port}/`)).text()).toBe('hello');
  });

  test('and nothing beside it', async () => {
    await expect(open(`http://169.254.169.254:${port}/`)).rejects.toMatchObject(REFUSED);
  });

  test('but no redirect is followed', async () => {
    await expect(open(`http://127.0.0.1:${port}/away`)).rejects.toThrow('fetch failed');
    await expect(open(`http://127.0.0.1:${port}/away`, { redirect: 'follow' })).rejects.toThrow('fetch failed');
    expect((await open(`http://127.0.0.1:${port}/away`, { redirect: 'manual' })).status).toBe(302);
  });

  test('a name that is nowhere is no private address', async () => {
    await expect(open('http://nowhere.invalid/')).rejects.toThrow('fetch failed');
  });
});
