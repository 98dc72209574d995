/**
 * Prints a bearer token for tools that insist on one (`bq --oauth_access_token`): the owner's, or that of the named subject.
 *
 *   node apps/local-cloud/src/bigquery/token.ts [subject] [data folder]
 */
import { resolve } from 'node:path';
import { tokenFor } from '../identity/index.ts';

const [subject = 'owner@local-cloud', dataDir = '.data'] = process.argv.slice(2);
process.stdout.write(`${await tokenFor(subject, { dataDir: resolve(dataDir), ttlSeconds: 12 * 3600 })}\n`);
