import { GoogleSqlError } from '../../googlesql/contract.ts';
import { translateDuckError } from '../../googlesql/index.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import { ApiError } from '../errors.ts';

/** The compiler's refusals in the API's form. */
export function translating<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof GoogleSqlError) throw fromGoogleSql(error);
    throw error;
  }
}
export function fromGoogleSql(error: GoogleSqlError): ApiError {
  if (error.reason === 'notFound') return new ApiError('notFound', error.message);
  return new ApiError(error.reason === 'invalid' ? 'invalid' : 'invalidQuery', error.message, 'query');
}

/** DuckDB's run-time errors in BigQuery's words. */
export async function duck<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError || !(error instanceof Error)) throw error;
    throw duckError(error);
  }
}

export function duckError(error: Error): Error {
  const translated = translateDuckError(error);
  if (translated) return fromGoogleSql(translated);
  if (/^INTERRUPT/i.test(error.message)) return new ApiError('stopped', 'Job execution was cancelled: User requested cancellation');
  if (/^Out of Memory/i.test(error.message))
    return new ApiError(
      'resourcesExceeded',
      'Resources exceeded during query execution: The query could not be executed in the allotted memory.',
      'query',
    );
  const missing = /NOT NULL constraint failed: t\d+\.(.+)$/.exec(error.message.split('\n')[0]!);
  if (missing) return new ApiError('invalidQuery', `Required field ${missing[1]} cannot be null`, 'query');
  return error;
}

const LOAD_TIME = ['_PARTITION_LOAD_TIME', '_PARTITIONDATE', '_PARTITIONTIME'];
/** A table that wants a filter over its partitions was asked without one. */
export function unfiltered({ path, partitioning }: TableRecord): ApiError {
  const columns = partitioning!.column === '_PARTITIONTIME' ? LOAD_TIME : [partitioning!.column];
  return new ApiError(
    'invalidQuery',
    `Cannot query over table '${path.project}.${path.dataset}.${path.table}' without a filter over column(s) ${columns.map((name) => `'${name}'`).join(', ')} that can be used for partition elimination`,
    'query',
  );
}
