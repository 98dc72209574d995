/** A file that a load job refuses, for whoever delivered it: which one, and whether it is broken or only other than the template says. */
import { WarehouseError } from '@convergence/ports';
import { asFailure, StepFailure } from './failure.ts';

/** BigQuery's words where a file is not what its format says, or not all of it; of JSON that only does not fit it names the field. */
const BROKEN =
  /not in Parquet format|corrupt|decompress|close (double )?quote|bad character|schema has no fields|JSON parsing error[^:]*: (?!.*\bfields?\b)/i;

export const brokenFile = (file: string, what: string, cause: unknown): StepFailure =>
  new StepFailure('schema', 'object.broken', `${file} can not be read: ${what}`, {
    hint: 'It is broken or cut off, or not of the `format` that the template names (no CSV field may hold a line end): deliver it again, or correct the template.',
    cause,
  });

export function refusedFile(error: unknown, file: string): unknown {
  if (!(error instanceof WarehouseError) || error.reason !== 'invalid') return error;
  const what = error.message.replace(/^Error while reading data, error message: /, '').replace(/ File: \S+$/, '');
  if (BROKEN.test(what)) return brokenFile(file, what, error);
  const { errorClass, code } = asFailure(error);
  return new StepFailure(errorClass, code, `${file} does not fit: ${what}`, {
    hint: 'Compare its columns with those of the template and of the other files; where it is cut off, deliver it again.',
    cause: error,
  });
}
