/** Jobs over REST: the fast query path, jobs.insert and what follows from it. */
import { etagOf } from '../catalog/catalog.ts';
import { schemaFromColumns } from '../catalog/table-schema.ts';
import { ApiError, invalid, required } from '../errors.ts';
import type { Queries } from '../execute/queries.ts';
import { copySpec } from '../jobs/copy.ts';
import { extractSpec } from '../jobs/extract.ts';
import { jobResource } from '../jobs/job-resource.ts';
import type { Job } from '../jobs/jobs.ts';
import { loadSpec } from '../jobs/load.ts';
import { EXPIRED } from '../jobs/results.ts';
import type { Service } from '../service.ts';
import type { Json, RestRequest, Route } from './http.ts';
import { mergeLabels } from './labels.ts';
import { countOf, offsetOf, tokenFor } from './paging.ts';
import { queryAnswer, recordedQuery } from './query-answer.ts';
import { int64Timestamps } from './tabledata.ts';

const DEFAULT_WAIT_MS = 10_000;
const MAX_WAIT_MS = 200_000;
/** How much of a query's text a job keeps. */
const KEPT_TEXT = 20_000;

export function jobRoutes(service: Service, queries: Queries): Route[] {
  const { jobs } = service;

  const jobFor = async (params: RestRequest['params'], caller: RestRequest['caller']): Promise<Job> => {
    const job = jobs.get(params.project!, params.job!);
    if (!job) throw new ApiError('notFound', `Not found: Job ${params.project}:${service.location}.${params.job}`);
    if (!caller.owner && job.caller.subject !== caller.subject) {
      throw new ApiError(
        'accessDenied',
        `Access Denied: Job ${job.project}:${job.location}.${job.id}: User does not have permission to access the job.`,
      );
    }
    return job;
  };

  /** A job of before the restart: its record is all there is of it. */
  const recordFor = async (params: RestRequest['params'], caller: RestRequest['caller']): Promise<Json | undefined> => {
    if (jobs.get(params.project!, params.job!)) return undefined;
    const record = await jobs.recorded(params.project!, params.job!);
    if (record && !caller.owner && record.user_email !== caller.subject) {
      throw new ApiError('accessDenied', `Access Denied: Job ${record.id}: User does not have permission to access the job.`);
    }
    return record;
  };

  const query = async (request: RestRequest) => {
    const { params, body, caller } = request;
    const project = params.project!;
    const requestId = body.requestId === undefined || body.requestId === '' ? undefined : String(body.requestId);
    const int64 = body.formatOptions?.useInt64Timestamp === true;
    const wait = Math.min(countOf(body.timeoutMs, DEFAULT_WAIT_MS, 'timeoutMs'), MAX_WAIT_MS);
    const earlier = requestId === undefined ? undefined : jobs.byRequest(project, caller.subject, requestId);
    if (earlier && 'record' in earlier) return recordedQuery(earlier.record);
    if (earlier && !body.dryRun) {
      await within(earlier.finished, wait);
      return queryAnswer(jobs, earlier, 0, body.maxResults, int64, 'bigquery#queryResponse', false);
    }
    const spec = queries.spec(body, project);
    const labels = body.labels === undefined ? undefined : mergeLabels({}, body.labels);
    const job = await jobs.create({
      project,
      location: body.location,
      kind: 'QUERY',
      caller,
      configuration: {
        ...(body.dryRun ? { dryRun: true } : {}),
        ...(labels ? { labels } : {}),
        query: { query: spec.sql.slice(0, KEPT_TEXT), useLegacySql: false, priority: 'INTERACTIVE' },
      },
      requestId: body.dryRun ? undefined : requestId,
      addressable: requestId !== undefined,
      transient: body.dryRun === true,
    });
    if (body.dryRun) {
      await queries.dryRun(spec, job);
      const { outcome } = job;
      return {
        kind: 'bigquery#queryResponse',
        jobReference: { projectId: project, location: job.location },
        schema: schemaFromColumns(outcome!.result?.columns ?? []),
        totalBytesProcessed: String(outcome!.bytesProcessed),
        jobComplete: true,
        cacheHit: false,
        statementType: outcome!.statementType,
      };
    }
    jobs.start(job, () => queries.run(spec, job));
    await within(job.finished, wait);
    const optional = body.jobCreationMode === 'JOB_CREATION_OPTIONAL';
    return queryAnswer(jobs, job, 0, body.maxResults, int64, 'bigquery#queryResponse', optional);
  };

  const insert = async (request: RestRequest, media?: Buffer) => {
    const { params, body, caller } = request;
    const project = params.project!;
    const configuration = body.configuration;
    if (configuration === null || typeof configuration !== 'object') throw required('configuration');
    const labels = configuration.labels === undefined ? undefined : mergeLabels({}, configuration.labels);
    const reference = body.jobReference ?? {};
    if (reference.projectId && reference.projectId !== project)
      throw invalid(`Job's project ${reference.projectId} does not match the request's ${project}`);
    const kind = configuration.query
      ? 'QUERY'
      : configuration.load
        ? 'LOAD'
        : configuration.copy
          ? 'COPY'
          : configuration.extract
            ? 'EXTRACT'
            : undefined;
    if (!kind) throw required('configuration.query, configuration.load, configuration.copy or configuration.extract');
    const id = reference.jobId === undefined || reference.jobId === '' ? undefined : String(reference.jobId);
    const kept = { ...configuration, ...(labels ? { labels } : {}) };
    if (kept.query?.queryParameters && Number(request.http.headers['content-length'] ?? 0) > 20_000)
      kept.query = { ...kept.query, queryParameters: [] };
    const make = (transient: boolean) =>
      jobs.create({ project, id, location: reference.location, kind, caller, configuration: kept, transient });
    // What is wrong with the request itself is refused; what is wrong with the work shows in the job.
    if (kind === 'QUERY') {
      if (configuration.dryRun) {
        const job = await make(true);
        await queries.dryRun(queries.spec(configuration.query, project), job);
        job.state = 'DONE';
        const { jobReference: _, ...resource } = jobResource(job, service.origin);
        return { ...resource, jobReference: { projectId: project, location: job.location } };
      }
      const job = await make(false);
      jobs.start(job, async () => queries.run(queries.spec(configuration.query, project), job));
      await within(job.finished, 50);
      return jobResource(job, service.origin);
    }
    const work =
      kind === 'LOAD'
        ? loadSpec(service, project, caller, configuration.load, media)
        : kind === 'COPY'
          ? copySpec(service, project, caller, configuration.copy)
          : extractSpec(service, project, caller, configuration.extract);
    const job = await make(false);
    jobs.start(job, () => work(job));
    await within(job.finished, 200);
    return jobResource(job, service.origin);
  };
  service.insertJob = insert;

  return [
    { method: 'POST', path: '/projects/{project}/queries', handle: query },
    { method: 'POST', path: '/projects/{project}/jobs', handle: (request) => insert(request) },
    {
      method: 'GET',
      path: '/projects/{project}/queries/{job}',
      handle: async ({ params, query: q, caller }) => {
        const recorded = await recordFor(params, caller);
        // Its rows are gone: who comes for more of them must not take that for their end.
        if (recorded && q.get('pageToken')) throw new ApiError('notFound', EXPIRED);
        if (recorded) return { ...recordedQuery(recorded), kind: 'bigquery#getQueryResultsResponse' };
        const job = await jobFor(params, caller);
        await within(job.finished, Math.min(countOf(q.get('timeoutMs'), DEFAULT_WAIT_MS, 'timeoutMs'), MAX_WAIT_MS));
        const start = offsetOf(q.get('pageToken')) ?? countOf(q.get('startIndex'), 0, 'startIndex');
        return queryAnswer(
          jobs,
          job,
          start,
          q.get('maxResults') ?? undefined,
          int64Timestamps(q),
          'bigquery#getQueryResultsResponse',
          false,
        );
      },
    },
    {
      method: 'GET',
      path: '/projects/{project}/jobs/{job}',
      handle: async ({ params, caller }) => {
        const recorded = await recordFor(params, caller);
        return recorded ?? jobResource(await jobFor(params, caller), service.origin);
      },
    },
    {
      method: 'POST',
      path: '/projects/{project}/jobs/{job}/cancel',
      handle: async ({ params, caller }) => {
        const job = await jobFor(params, caller);
        job.abort.abort();
        await within(job.finished, 1000);
        return { kind: 'bigquery#jobCancelResponse', job: jobResource(job, service.origin) };
      },
    },
    {
      method: 'DELETE',
      path: '/projects/{project}/jobs/{job}/delete',
      handle: async ({ params, caller }) => {
        jobs.remove(await jobFor(params, caller));
      },
    },
    {
      method: 'GET',
      path: '/projects/{project}/jobs',
      handle: ({ params, query: q, caller }) => {
        const states = q.getAll('stateFilter').map((state) => state.toUpperCase());
        const parent = q.get('parentJobId');
        const from = Number(q.get('minCreationTime') ?? 0);
        const to = Number(q.get('maxCreationTime') ?? Number.MAX_SAFE_INTEGER);
        const all = jobs
          .list(params.project!)
          .filter(
            (job) =>
              (parent === null ? job.parent === undefined : job.parent === parent) &&
              (states.length === 0 || states.includes(job.state)) &&
              job.created >= from &&
              job.created <= to &&
              (q.get('allUsers') === 'true'
                ? caller.owner || job.caller.subject === caller.subject
                : job.caller.subject === caller.subject),
          );
        const start = offsetOf(q.get('pageToken')) ?? 0;
        const size = countOf(q.get('maxResults'), 100) || 100;
        const page = all.slice(start, start + size);
        return {
          kind: 'bigquery#jobList',
          etag: etagOf(page.map((job) => job.id)),
          ...(start + size < all.length ? { nextPageToken: tokenFor(start + size) } : {}),
          jobs: page.map((job) => {
            const { etag: _, ...resource } = jobResource(job, service.origin);
            return { ...resource, state: job.state, ...(resource.status.errorResult ? { errorResult: resource.status.errorResult } : {}) };
          }),
        };
      },
    },
  ];
}

async function within(done: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}
