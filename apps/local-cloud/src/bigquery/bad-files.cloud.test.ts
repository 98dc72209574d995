/** A load job over a file that it can't read says so as BigQuery does: which file, where in it, and never where it lies on this machine. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';

const PROJECT = 'convergence-local';
const FIELDS = [
  { name: 'id', type: 'INTEGER' },
  { name: 's', type: 'STRING' },
];
let cloud: StartedProcess;
let files: string;
let parquet: Buffer;

const post = async (path: string, body: unknown, type = 'application/json') => {
  const response = await fetch(`${new URL(cloud.addresses.bigquery).origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' || Buffer.isBuffer(body) ? new Uint8Array(Buffer.from(body)) : JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers of the API
  return (await response.json()) as any;
};
const done = async (job: { jobReference: { jobId: string } }) => {
  for (;;) {
    const response = await fetch(`${cloud.addresses.bigquery}/bigquery/v2/projects/${PROJECT}/jobs/${job.jobReference.jobId}`);
    // biome-ignore lint/suspicious/noExplicitAny: answers of the API
    const { status } = (await response.json()) as any;
    if (status.state === 'DONE') return status;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const configuration = (load: object) => ({
  configuration: { load: { destinationTable: { projectId: PROJECT, datasetId: 'd', tableId: 'bad' }, ...load } },
});
/** What comes of a load job that brings this file. */
async function loaded(sourceFormat: string, file: string | Buffer, options: object = { schema: { fields: FIELDS } }) {
  const marker = '--the-marker';
  const body = Buffer.concat([
    Buffer.from(`--${marker}\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(configuration({ sourceFormat, ...options }))}\r\n`),
    Buffer.from(`--${marker}\r\ncontent-type: application/octet-stream\r\n\r\n`),
    Buffer.from(file),
    Buffer.from(`\r\n--${marker}--`),
  ]);
  return done(
    await post(`/upload/bigquery/v2/projects/${PROJECT}/jobs?uploadType=multipart`, body, `multipart/related; boundary=${marker}`),
  );
}

beforeAll(async () => {
  cloud = await startProcess();
  files = mkdtempSync(join(tmpdir(), 'bad-files-'));
  await post(`/bigquery/v2/projects/${PROJECT}/datasets`, { datasetReference: { projectId: PROJECT, datasetId: 'd' } });
  await post(`/bigquery/v2/projects/${PROJECT}/queries`, {
    query: "CREATE TABLE d.good AS SELECT 'x' AS id, REPEAT(CAST(n AS STRING), 100) AS s FROM UNNEST(GENERATE_ARRAY(1, 5000)) AS n",
    useLegacySql: false,
  });
  await done(
    await post(`/bigquery/v2/projects/${PROJECT}/jobs`, {
      configuration: {
        extract: {
          sourceTable: { projectId: PROJECT, datasetId: 'd', tableId: 'good' },
          destinationUris: [`file://${join(files, 'good.parquet')}`],
          destinationFormat: 'PARQUET',
        },
      },
    }),
  );
  parquet = readFileSync(join(files, 'good.parquet'));
});
afterAll(async () => {
  rmSync(files, { recursive: true, force: true });
  await cloud.dispose();
});

const READING = 'Error while reading data, error message: ';
const invalid = (location: string, message: string) => ({ reason: 'invalid', location, message: `${READING}${message} File: ${location}` });

test.each([
  ['PARQUET', 'is no Parquet', () => Buffer.from('this is no parquet'), 'Input file is not in Parquet format.'],
  ['PARQUET', 'is empty', () => Buffer.alloc(0), 'Input file is not in Parquet format.'],
  ['PARQUET', 'is cut off', () => parquet.subarray(0, parquet.length / 2), 'Input file is not in Parquet format.'],
  [
    'PARQUET',
    'is damaged inside',
    () => Buffer.concat([parquet.subarray(0, 100), Buffer.alloc(4000, 0xff), parquet.subarray(4100)]),
    'Failed to read the Parquet file: a part of it is corrupt.',
  ],
  [
    'PARQUET',
    'is damaged where a page begins',
    () => Buffer.concat([parquet.subarray(0, 4), Buffer.alloc(20, 0xaa), parquet.subarray(24)]),
    'Failed to read the Parquet file: a part of it is corrupt.',
  ],
  [
    'PARQUET',
    'has a column that does not fit',
    () => parquet,
    "Parquet column 'id' has type BYTE_ARRAY which does not match the target cpp_type INT64.",
  ],
  [
    'CSV',
    'is zipped and cut off',
    () => gzipSync('1,x\n'.repeat(1000)).subarray(0, 30),
    'Failed to decompress the file: it is no whole gzip file.',
  ],
  [
    'CSV',
    'ends within quotes',
    () => Buffer.from('1,x\n2,"x\n'),
    'Error detected while parsing row starting at position: 4. Error: Missing close double quote (") character.',
  ],
])('%s: a file that %s', async (format, _, file, message) => {
  const error = invalid('file-00000000', message);
  expect(await loaded(format, file())).toEqual({ state: 'DONE', errorResult: error, errors: [error] });
});

test.each([
  ['CSV', '1,x\nzwei,a\n', "Could not parse 'zwei' as INT64 for field id (position 0) starting at location 4"],
  [
    'NEWLINE_DELIMITED_JSON',
    '{"id":1}\n{"id":',
    'JSON parsing error in row starting at position 9: Parser terminated before end of string',
  ],
  [
    'NEWLINE_DELIMITED_JSON',
    '{"id":1}\n{"id":"x"}\n',
    'JSON parsing error in row starting at position 9: Cannot convert value to integer (bad value): x. Field: id',
  ],
])('%s: of rows that are wrong the result says how many, and the errors beside it which', async (format, file, message) => {
  const kind = format === 'CSV' ? 'CSV' : 'JSON';
  const result = invalid(
    'file-00000000',
    `${kind} table encountered too many errors, giving up. Rows: 2; errors: 1. Please look into the errors[] collection for more details.`,
  );
  const processing = {
    reason: 'invalid',
    message: `${READING}${kind} processing encountered too many errors, giving up. Rows: 2; errors: 1; max bad: 0; error percent: 0`,
  };
  expect(await loaded(format, file)).toEqual({
    state: 'DONE',
    errorResult: result,
    errors: [result, processing, invalid('file-00000000', message)],
  });
});

test('a file is called as its caller called it, and not by where it lies here', async () => {
  const from = async (sourceFormat: string, uri: string) =>
    (
      await done(
        await post(`/bigquery/v2/projects/${PROJECT}/jobs`, configuration({ sourceFormat, sourceUris: [uri], schema: { fields: FIELDS } })),
      )
    ).errorResult;
  for (const format of ['PARQUET', 'CSV'])
    expect(await from(format, 'gs://bucket/none')).toEqual({ reason: 'notFound', message: 'Not found: URI gs://bucket/none' });
  const uri = `file://${join(files, 'good.parquet')}`;
  expect(await from('PARQUET', uri)).toMatchObject({ location: uri, message: expect.stringContaining(`cpp_type INT64. File: ${uri}`) });
});
