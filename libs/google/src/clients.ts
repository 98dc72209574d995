/**
 * Google's clients, each loaded when it is first asked for: together they take half a second and 50 MB, and no process needs all of
 * them (a gateway has no use for BigQuery, nobody for KMS before the first secret). They are CommonJS, so this can be synchronous.
 */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

export const bigquery = (): typeof import('@google-cloud/bigquery') => load('@google-cloud/bigquery');
export const bigqueryStorage = (): typeof import('@google-cloud/bigquery-storage') => load('@google-cloud/bigquery-storage');
export const kmsClients = (): typeof import('@google-cloud/kms') => load('@google-cloud/kms');
