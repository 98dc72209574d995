/**
 * Preloaded into a tenant-service under test: it kills itself, as `kill -9` does, at the moment that KILL_AT names in JSON:
 * `{ request: 'POST /datasets$', nth: 1, when: 'before' | 'after' }` for requests to BigQuery, `{ mail: true }` when a mail was written.
 */
import fs from 'node:fs/promises';
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';

const at = JSON.parse(process.env.KILL_AT ?? '{}');
const die = () => process.kill(process.pid, 'SIGKILL');

if (at.request) {
  const wanted = new RegExp(at.request);
  const send = http.request;
  let seen = 0;
  http.request = (url, options, onAnswer) => {
    const hit = wanted.test(`${options?.method ?? 'GET'} ${new URL(url).pathname}`) && ++seen === (at.nth ?? 1);
    if (hit && at.when === 'before') die();
    return send(url, options, hit ? die : onAnswer);
  };
  syncBuiltinESMExports();
}
if (at.mail) {
  const { rename } = fs;
  fs.rename = async (from, to) => {
    await rename(from, to);
    die();
  };
  syncBuiltinESMExports();
}
