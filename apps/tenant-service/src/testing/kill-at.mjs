/**
 * Preloaded into a tenant-service under test: it kills itself, as `kill -9` does, at the moment that KILL_AT names in JSON:
 * `{ request: 'POST /datasets$', nth: 1, when: 'before' | 'after' }` for requests to BigQuery, `{ mail: true }` when a mail was written.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const at = JSON.parse(process.env.KILL_AT ?? '{}');
const die = () => process.kill(process.pid, 'SIGKILL');

if (at.request) {
  const wanted = new RegExp(at.request);
  const send = globalThis.fetch;
  let seen = 0;
  globalThis.fetch = async (url, options) => {
    const { pathname } = new URL(url);
    const hit = wanted.test(`${options?.method ?? 'GET'} ${pathname}`) && ++seen === (at.nth ?? 1);
    if (hit && at.when === 'before') die();
    const response = await send(url, options);
    if (hit) die();
    return response;
  };
}
if (at.mail) {
  const { rename } = fs;
  fs.rename = async (from, to) => {
    await rename(from, to);
    die();
  };
  syncBuiltinESMExports();
}
