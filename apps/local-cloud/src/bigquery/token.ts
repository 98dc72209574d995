/**
 * Prints a bearer token for tools that insist on one (`bq --oauth_access_token`): the owner's, or that of the named subject.
 *
 *   node apps/local-cloud/src/bigquery/token.ts [subject] [data folder]
 */
import { resolve } from 'node:path';
import { tokenFor } from '../identity/index.ts';

const [subject = 'owner@local-cloud', dataDir = '.data'] = process.argv.slice(2);
try {
  process.stdout.write(`${await tokenFor(subject, { dataDir: resolve(dataDir), ttlSeconds: 12 * 3600 })}\n`);
} catch (cause) {
  if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
  console.error(`No local-cloud has run in ${resolve(dataDir)} yet: start it first, or name its data folder after the subject.`);
  process.exit(1);
}
