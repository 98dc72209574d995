/** What a query's job is answered with: its head and as many rows as fit, or that it goes on. */
import { etagOf } from '../catalog/catalog.ts';
import { schemaFromColumns } from '../catalog/table-schema.ts';
import { ApiError } from '../errors.ts';
import { affected, dmlStats, jobReference } from '../jobs/job-resource.ts';
import type { Job, Jobs } from '../jobs/jobs.ts';
import { type WireRow, withFloatTimestamps } from '../values/to-wire.ts';
import type { Json } from './http.ts';
import { withRows } from './json-text.ts';
import { countOf, tokenFor } from './paging.ts';

const PAGE_ROWS = 50_000;
const PAGE_BYTES = 10 * 1024 * 1024;

/** A job of before the restart, found by its requestId: its rows are gone, its effect is not repeated. */
export function recordedQuery(record: Json) {
  if (record.status?.errorResult) throw new ApiError(record.status.errorResult.reason, record.status.errorResult.message);
  const { query: statistics = {} } = record.statistics ?? {};
  return {
    kind: 'bigquery#queryResponse',
    jobReference: record.jobReference,
    schema: { fields: [] },
    jobComplete: true,
    cacheHit: false,
    totalRows: '0',
    totalBytesProcessed: record.statistics?.totalBytesProcessed ?? '0',
    ...(statistics.numDmlAffectedRows === undefined
      ? {}
      : { numDmlAffectedRows: statistics.numDmlAffectedRows, dmlStats: statistics.dmlStats }),
  };
}

export async function queryAnswer(
  jobs: Jobs,
  job: Job,
  start: number,
  maxResults: unknown,
  int64: boolean,
  kind: string,
  optional: boolean,
) {
  const reference = { jobReference: jobReference(job), location: job.location };
  if (job.state !== 'DONE')
    return { kind, ...reference, jobComplete: false, ...(optional ? { jobCreationReason: { code: 'LONG_RUNNING' } } : {}) };
  if (job.error) throw job.error;
  const { outcome } = job;
  const result = outcome?.result;
  const limit = countOf(maxResults as string, PAGE_ROWS);
  const head: Json = {
    kind,
    etag: etagOf({ id: job.id, start, limit }),
    schema: schemaFromColumns(result?.columns ?? []),
    jobComplete: true,
    cacheHit: outcome?.cacheHit ?? false,
    totalRows: outcome?.dml && !result ? undefined : String(result?.total ?? 0),
    totalBytesProcessed: String(outcome?.bytesProcessed ?? 0),
    totalBytesBilled: String(outcome?.bytesBilled ?? 0),
    totalSlotMs: String((job.ended ?? job.created) - (job.started ?? job.created)),
    creationTime: String(job.created),
    startTime: String(job.started ?? job.created),
    endTime: String(job.ended ?? job.created),
    ...(outcome?.dml ? { numDmlAffectedRows: affected(outcome.dml), dmlStats: dmlStats(outcome.dml) } : {}),
  };
  let rows: readonly WireRow[] = [];
  let nextToken: string | undefined;
  if (result) {
    const available = await result.page(start, Math.min(limit, PAGE_ROWS));
    rows = fitting(available);
    const next = start + rows.length;
    if (next < result.total && (limit > 0 || maxResults === undefined)) nextToken = tokenFor(next);
  }
  const inline = optional && nextToken === undefined;
  if (inline) jobs.remove(job);
  Object.assign(
    head,
    inline
      ? { queryId: job.id, location: job.location }
      : { ...reference, ...(optional ? { jobCreationReason: { code: 'LARGE_RESULTS' } } : {}) },
  );
  if (nextToken !== undefined) head.pageToken = nextToken;
  if (rows.length === 0) return head;
  return withRows(head, int64 ? rows : withFloatTimestamps(result!.columns, rows));
}

/** As many rows as an answer may carry; at least one. */
function fitting(rows: readonly WireRow[]): readonly WireRow[] {
  if (rows.length < 100) return rows;
  const sample = JSON.stringify(rows.slice(0, 100)).length / 100;
  if (sample * rows.length < PAGE_BYTES / 2) return rows;
  let bytes = 0;
  const end = rows.findIndex((row) => {
    bytes += JSON.stringify(row).length;
    return bytes > PAGE_BYTES;
  });
  return end < 0 ? rows : rows.slice(0, Math.max(end, 1));
}
