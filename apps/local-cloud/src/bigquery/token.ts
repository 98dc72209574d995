/** Prints a bearer token for tools that insist on one (`bq --oauth_access_token`): the owner's, or that of the named subject. */
import { resolve } from 'node:path';
import { tokenFor } from '../identity/index.ts';

process.stdout.write(
  `${await tokenFor(process.argv[2] ?? 'owner@local-cloud', { dataDir: resolve(process.env.LOCAL_CLOUD_DATA ?? '.data'), ttlSeconds: 12 * 3600 })}\n`,
);
