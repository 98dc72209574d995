import { WarehouseError } from '@convergence/ports';
import { expect, test } from '@jest/globals';
import { refusedFile } from './refused-file.ts';

const refused = (message: string, reason = 'invalid') => refusedFile(new WarehouseError(reason, message), 's3://b/p/a.csv');

test.each([
  'Input file is not in Parquet format.',
  'Error detected while parsing row starting at position: 4. Error: Missing close double quote (") character.',
  'Error detected while parsing row starting at position: 9. Error: Bad character (ASCII 0) encountered.',
  'JSON parsing error in row starting at position 9: Parser terminated before end of string',
  'JSON parsing error in row starting at position 497: Closing quote expected in string',
])('a file that is broken is named, and said to be broken: %s', (what) => {
  expect(refused(`Error while reading data, error message: ${what} File: file-00000000`)).toMatchObject({
    errorClass: 'schema',
    code: 'object.broken',
    message: `s3://b/p/a.csv can not be read: ${what}`,
    hint: expect.stringContaining('broken or cut off'),
  });
});

test.each([
  "Could not parse 'x' as INT64 for field id (position 0) starting at location 4",
  'JSON parsing error in row starting at position 43: Could not convert value to string. Field: name; Value: 3',
  'JSON parsing error in row starting at position 0: No such field: b.',
  "Parquet column 'id' has type BYTE_ARRAY which does not match the target cpp_type INT64.",
])('a file that does not fit is named, and its columns are to be compared: %s', (what) => {
  expect(refused(`Error while reading data, error message: ${what} File: file-00000000`)).toMatchObject({
    code: 'bigquery.invalid',
    message: `s3://b/p/a.csv does not fit: ${what}`,
    hint: expect.stringContaining('Compare its columns'),
  });
});

test('what is not about the file stays what it is', () => {
  const quota = new WarehouseError('quotaExceeded', 'Quota exceeded');
  expect(refusedFile(quota, 'a.csv')).toBe(quota);
});
