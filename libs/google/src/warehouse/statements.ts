/**
 * Runs statements.
 *
 * 1. A resend carries the id of the first send, so that a statement whose answer was lost does not run twice. 2. Conflicts and rate
 * limits, which the client does not retry, are tried again under a new id: nothing of them happened. 3. Aborting cancels the job.
 * 4. Errors are Transient or WarehouseError; a result that went before all of it was read is the former: who asks again gets a new one.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { Transient } from '@convergence/contracts';
import { type Row, type Statement, type StatementResult, WarehouseError } from '@convergence/ports';
import type { GoogleConfig } from '../endpoints.ts';
import { errorOf, verdictOf } from './errors.ts';
import { queryParameters } from './parameters.ts';
import { backoff, type Rest } from './rest.ts';
import { type RestRow, rowDecoder } from './rows.ts';
import { type RestField, typeTextOf } from './sql-type.ts';

interface JobReference {
  readonly projectId: string;
  readonly jobId: string;
  readonly location?: string;
}
interface QueryAnswer {
  readonly jobComplete?: boolean;
  readonly jobReference?: JobReference;
  readonly schema?: { readonly fields?: readonly RestField[] };
  readonly rows?: readonly RestRow[];
  readonly pageToken?: string;
  readonly numDmlAffectedRows?: string;
  readonly totalBytesProcessed?: string;
}
interface JobAnswer {
  readonly jobReference: JobReference;
  readonly statistics?: {
    readonly totalBytesProcessed?: string;
    readonly query?: { readonly totalBytesProcessed?: string; readonly schema?: { readonly fields?: readonly RestField[] } };
  };
}
const INT64_MICROS = 'formatOptions.useInt64Timestamp';
const ATTEMPTS = 8;
const PATIENCE = 45_000;

export function statements(rest: Rest, config: GoogleConfig) {
  const location = (statement: Statement): string => statement.location ?? config.location;

  function query(statement: Statement): object {
    const [project, dataset] = statement.defaultDataset?.includes('.')
      ? statement.defaultDataset.split('.')
      : [config.project, statement.defaultDataset];
    return {
      query: statement.sql,
      useLegacySql: false,
      ...(statement.parameters ? { parameterMode: 'NAMED', queryParameters: queryParameters(statement.parameters) } : {}),
      ...(dataset ? { defaultDataset: { projectId: project, datasetId: dataset } } : {}),
      ...(statement.maximumBytesBilled === undefined ? {} : { maximumBytesBilled: String(statement.maximumBytesBilled) }),
    };
  }

  /** The short path: no job unless it turns out long or large. */
  function quick(statement: Statement, requestId: string, pageSize: number | undefined): Promise<QueryAnswer> {
    return rest.once<QueryAnswer>('POST', '/queries', {
      ...query(statement),
      requestId,
      formatOptions: { useInt64Timestamp: true },
      location: location(statement),
      timeoutMs: statement.signal ? 2_000 : 30_000,
      ...(statement.labels ? { labels: statement.labels } : {}),
      ...(pageSize ? { maxResults: pageSize } : {}),
      jobCreationMode: pageSize ? 'JOB_CREATION_REQUIRED' : 'JOB_CREATION_OPTIONAL',
    });
  }
  /** With a name of its own: a second insert of the name is the first one's job. */
  async function named(statement: Statement, jobId: string, pageSize: number | undefined): Promise<QueryAnswer> {
    const reference = { projectId: config.project, jobId, location: location(statement) };
    const asked = query(statement);
    // A checkpoint's are megabytes: becoming text is for another turn.
    await turn();
    await rest
      .once('POST', '/jobs', {
        jobReference: reference,
        configuration: {
          query: asked,
          ...(statement.timeoutMilliseconds ? { jobTimeoutMs: String(statement.timeoutMilliseconds) } : {}),
          ...(statement.labels ? { labels: statement.labels } : {}),
        },
      })
      .catch((cause: unknown) => {
        if (verdictOf(cause).status !== 409) throw cause;
      });
    return results(reference, { timeoutMs: 30_000, ...(pageSize ? { maxResults: pageSize } : {}) });
  }
  function results(reference: JobReference, more: Record<string, string | number>): Promise<QueryAnswer> {
    return rest.once<QueryAnswer>('GET', `/queries/${encodeURIComponent(reference.jobId)}`, undefined, {
      [INT64_MICROS]: 'true',
      ...(reference.location ? { location: reference.location } : {}),
      ...more,
    });
  }
  function cancel(reference: JobReference): void {
    const where: Record<string, string> = reference.location ? { location: reference.location } : {};
    rest.patiently('POST', `/jobs/${encodeURIComponent(reference.jobId)}/cancel`, undefined, where).catch(() => undefined);
  }

  /** The answer's first page, complete. */
  async function start(statement: Statement, pageSize?: number): Promise<QueryAnswer> {
    const { signal } = statement;
    const began = Date.now();
    let requestId: string = randomUUID();
    let jobId = statement.jobId;
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        const sent = jobId ? named(statement, jobId, pageSize) : quick(statement, requestId, pageSize);
        let answer = await abortable(sent, signal, (late) => late.jobReference && cancel(late.jobReference));
        while (answer.jobComplete === false && answer.jobReference) {
          const reference = answer.jobReference;
          const more = pageSize ? { maxResults: pageSize } : {};
          answer = await abortable(
            results(reference, { timeoutMs: 30_000, ...more }),
            signal,
            () => cancel(reference),
            () => cancel(reference),
          );
        }
        return answer;
      } catch (cause) {
        if (signal?.aborted) throw signal.reason;
        const { kind } = verdictOf(cause);
        const wait = backoff(attempt, kind === 'again' ? 300 : 100);
        if (kind === 'refused' || attempt + 1 >= ATTEMPTS || Date.now() - began + wait > PATIENCE) throw errorOf(cause);
        if (kind === 'again') {
          requestId = randomUUID();
          if (statement.jobId) jobId = `${statement.jobId}-${attempt + 1}`;
        }
        await sleep(wait, undefined, signal ? { signal } : {}).catch(() => undefined);
      }
    }
  }
  async function nextPage(answer: QueryAnswer, pageSize?: number): Promise<QueryAnswer> {
    if (!answer.jobReference || !answer.pageToken) throw new Transient('BigQuery gave a page token without a job');
    const path = `/queries/${encodeURIComponent(answer.jobReference.jobId)}`;
    const next = await rest
      .patiently<QueryAnswer>('GET', path, undefined, {
        [INT64_MICROS]: 'true',
        pageToken: answer.pageToken,
        ...(answer.jobReference.location ? { location: answer.jobReference.location } : {}),
        ...(pageSize ? { maxResults: pageSize } : {}),
      })
      .catch((cause: unknown) => {
        if (cause instanceof WarehouseError && cause.reason === 'notFound')
          throw new Transient('BigQuery holds the rest of the result no more', { cause });
        throw cause;
      });
    return { ...next, jobReference: answer.jobReference, ...(next.schema ? {} : { schema: answer.schema ?? {} }) };
  }

  return {
    async run(statement: Statement): Promise<StatementResult> {
      let answer = await start(statement);
      const first = answer;
      const decode = rowDecoder(answer.schema?.fields ?? []);
      const rows: Row[] = (answer.rows ?? []).map(decode);
      while (answer.pageToken) {
        answer = await nextPage(answer);
        for (const row of answer.rows ?? []) rows.push(decode(row));
      }
      return {
        rows,
        affectedRows: first.numDmlAffectedRows === undefined ? undefined : Number(first.numDmlAffectedRows),
        bytesProcessed: BigInt(first.totalBytesProcessed ?? 0),
        jobId: first.jobReference?.jobId,
      };
    },

    async *pages(statement: Statement, pageSize: number): AsyncGenerator<readonly Row[]> {
      let answer = await start(statement, pageSize);
      const decode = rowDecoder(answer.schema?.fields ?? []);
      for (;;) {
        // The next page travels while this one is worked on.
        const next = answer.pageToken ? nextPage(answer, pageSize) : undefined;
        next?.catch(() => undefined);
        if (answer.rows?.length) yield answer.rows.map(decode);
        if (!next) return;
        answer = await next;
      }
    },

    async dryRun(statement: Statement): Promise<{ bytesProcessed: bigint; schema: { name: string; type: string }[] }> {
      const job = await rest.patiently<JobAnswer>('POST', '/jobs', {
        jobReference: { projectId: config.project, location: location(statement) },
        configuration: { dryRun: true, query: query(statement) },
      });
      const { statistics } = job;
      return {
        bytesProcessed: BigInt(statistics?.query?.totalBytesProcessed ?? statistics?.totalBytesProcessed ?? 0),
        schema: (statistics?.query?.schema?.fields ?? []).map((f) => ({ name: f.name, type: typeTextOf(f) })),
      };
    },
  };
}

/** Rejects as soon as the signal says so; what arrives afterwards is handed to `late`. */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined, late: (value: T) => void, now?: () => void): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = () => {
      now?.();
      work.then(late, () => undefined);
      reject(signal.reason);
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
