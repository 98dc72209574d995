/** What a load job says of a file that it can't read, in BigQuery's words: which file, as its caller calls it, and never where it lies here. */
import { ApiError } from '../errors.ts';

/** What BigQuery calls a file that came with the request. */
export const UPLOADED = 'file-00000000';

/** What a job loads: as its caller calls it, and where it is on this machine or what is in it. */
export interface LoadedFile {
  readonly name: string;
  readonly content: string | Buffer;
}

const MOST_SHOWN = 5;
const reading = (message: string, file?: string) =>
  `Error while reading data, error message: ${message}${file === undefined ? '' : ` File: ${file}`}`;

export const noFile = (file: string): ApiError => new ApiError('notFound', `Not found: URI ${file}`);
export const unreadable = (file: string, message: string): ApiError => new ApiError('invalid', reading(message, file), file);

/** How many rows are wrong; what is wrong with them stands in the errors beside it. */
export function badRows(file: string, format: string, rows: number, wrong: readonly string[], most: number): ApiError {
  const kind = format === 'CSV' ? 'CSV' : 'JSON';
  const counted = `encountered too many errors, giving up. Rows: ${rows}; errors: ${wrong.length}`;
  return new ApiError(
    'invalid',
    reading(`${kind} table ${counted}. Please look into the errors[] collection for more details.`, file),
    file,
    undefined,
    [
      { reason: 'invalid', message: reading(`${kind} processing ${counted}; max bad: ${most}; error percent: 0`) },
      ...wrong.slice(0, MOST_SHOWN).map((message) => ({ reason: 'invalid', location: file, message: reading(message, file) })),
    ],
  );
}
