/**
 * The jobs of all projects: created once per id, remembered for a while in memory and longer on disk.
 *
 * 1. A job id is used once. The record of a job whose effect is durable is written in the same transaction as the effect,
 *    so a client that asks again after a crash learns what happened instead of making it happen twice.
 * 2. The same `requestId` within 15 minutes is the same job.
 * 3. Memory and disk stay bounded: the oldest finished jobs go first.
 */
import { randomUUID } from 'node:crypto';
import { BIGINT, VARCHAR } from '@duckdb/node-api';
import type { Caller } from '../../identity/index.ts';
import { ApiError } from '../errors.ts';
import type { StatementResult } from '../execute/outcome.ts';
import type { Json } from '../rest/http.ts';
import type { Connection } from '../storage/connection.ts';
import type { Database } from '../storage/database.ts';

const IN_MEMORY = 2000;
const ON_DISK = 50_000;
const REQUEST_MS = 15 * 60_000;
const REQUESTS = 5000;
const JOB_ID = /^[A-Za-z0-9_-]{1,1024}$/;

export type JobKind = 'QUERY' | 'LOAD' | 'COPY' | 'EXTRACT';
export interface Job {
  readonly project: string;
  readonly id: string;
  readonly location: string;
  readonly kind: JobKind;
  readonly caller: Caller;
  readonly created: number;
  /** As the client sent it, without the values of large parameters. */
  readonly configuration: Json;
  readonly parent?: string;
  readonly abort: AbortController;
  state: 'PENDING' | 'RUNNING' | 'DONE';
  started?: number;
  ended?: number;
  error?: ApiError;
  outcome?: StatementResult;
  /** Of a script: how many statements it ran. */
  children?: number;
  statementType?: string;
  /** Of load, copy and extract jobs. */
  statistics?: Json;
  /** Resolves when the state is DONE, never rejects. */
  finished: Promise<void>;
  /** Whether the client can come back for it: it chose the id, or was given one. */
  readonly addressable: boolean;
  readonly requestId?: string;
  /** The client chose the id: it may rely on it being used once. */
  readonly named: boolean;
  /** True once the record is in the database. */
  stored?: boolean;
}

/** A job of an earlier life, known by its record only. */
export interface RecordedJob {
  readonly record: Json;
}

export class Jobs {
  static readonly tables = [
    'CREATE TABLE IF NOT EXISTS local_jobs (created BIGINT, project VARCHAR, id VARCHAR, request_id VARCHAR, record VARCHAR)',
  ];
  readonly #database: Database;
  readonly #location: string;
  readonly #jobs = new Map<string, Job>();
  readonly #requests = new Map<string, { job: Job; until: number }>();
  readonly #recordedRequests = new Map<string, { record: Json; until: number }>();
  readonly #describe: (job: Job) => Json;
  #onDisk = 0;

  constructor(database: Database, location: string, describe: (job: Job) => Json) {
    this.#database = database;
    this.#location = location;
    this.#describe = describe;
  }

  async load(): Promise<void> {
    await this.#database.use(async (connection) => {
      for (const sql of Jobs.tables) await connection.run(sql);
      const [[count]] = (await connection.rows('SELECT count(*) FROM local_jobs')) as [[bigint]];
      this.#onDisk = Number(count);
      const since = Date.now() - REQUEST_MS;
      const recent = await connection.rows(
        `SELECT created, project, request_id, record FROM local_jobs WHERE request_id IS NOT NULL AND created > ${since}`,
      );
      for (const [created, project, requestId, record] of recent) {
        const parsed = JSON.parse(String(record));
        this.#recordedRequests.set(`${project}\n${parsed.user_email}\n${requestId}`, {
          record: parsed,
          until: Number(created) + REQUEST_MS,
        });
      }
    });
    await this.#prune();
  }

  /** The job that this request made before, if it did. */
  byRequest(project: string, caller: string, requestId: string): Job | RecordedJob | undefined {
    const key = `${project}\n${caller}\n${requestId}`;
    const now = Date.now();
    const known = this.#requests.get(key);
    if (known) {
      if (known.until > now) return known.job;
      this.#requests.delete(key);
    }
    const recorded = this.#recordedRequests.get(key);
    return recorded && recorded.until > now ? recorded : undefined;
  }

  async create(options: {
    project: string;
    id?: string | undefined;
    location?: string | undefined;
    kind: JobKind;
    caller: Caller;
    configuration: Json;
    parent?: string;
    created?: number;
    requestId?: string | undefined;
    addressable?: boolean;
    transient?: boolean;
  }): Promise<Job> {
    const id = options.id ?? `job_${randomUUID().replaceAll('-', '_')}`;
    if (options.id !== undefined) {
      if (!JOB_ID.test(id))
        throw new ApiError(
          'invalid',
          `Invalid job ID "${id.slice(0, 100)}". Job IDs must be alphanumeric (plus underscores and dashes) and must be at most 1024 characters long.`,
        );
      const location = options.location ?? this.#location;
      const duplicate = () => new ApiError('duplicate', `Already Exists: Job ${options.project}:${location}.${id}`);
      if (this.#jobs.has(`${options.project}\n${id}`)) throw duplicate();
      if (this.#onDisk > 0 && (await this.recorded(options.project, id))) throw duplicate();
      // Another request may have taken the id while we looked on disk.
      if (this.#jobs.has(`${options.project}\n${id}`)) throw duplicate();
    }
    const job: Job = {
      project: options.project,
      id,
      location: options.location ?? this.#location,
      kind: options.kind,
      caller: options.caller,
      created: options.created ?? Date.now(),
      configuration: options.configuration,
      ...(options.parent === undefined ? {} : { parent: options.parent }),
      ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
      abort: new AbortController(),
      state: 'PENDING',
      finished: Promise.resolve(),
      addressable: options.addressable ?? true,
      named: options.id !== undefined && options.parent === undefined,
    };
    if (!options.transient) {
      this.#jobs.set(`${job.project}\n${id}`, job);
      this.#forgetOld();
    }
    if (options.requestId !== undefined) {
      this.#requests.set(`${job.project}\n${job.caller.subject}\n${options.requestId}`, { job, until: job.created + REQUEST_MS });
      if (this.#requests.size > REQUESTS) this.#requests.delete(this.#requests.keys().next().value!);
    }
    return job;
  }

  start(job: Job, work: () => Promise<void>): void {
    job.finished = (async () => {
      job.state = 'RUNNING';
      job.started = Date.now();
      try {
        if (job.abort.signal.aborted) throw new ApiError('stopped', 'Job execution was cancelled: User requested cancellation');
        await work();
      } catch (error) {
        job.error = error instanceof ApiError ? error : unexpected(error);
      }
      job.ended = Date.now();
      job.state = 'DONE';
      const lasting =
        job.named || (job.addressable && (job.outcome?.dml !== undefined || job.outcome?.ddl !== undefined || job.kind !== 'QUERY'));
      if (lasting && !job.stored) await this.#database.use((connection) => this.store(connection, job)).catch(() => undefined);
    })();
  }

  /** Writes the job's record in the transaction that is open on the connection: the job as it will be once that commits. */
  async store(connection: Connection, job: Job): Promise<void> {
    const record = JSON.stringify(this.#describe({ ...job, state: 'DONE', ended: job.ended ?? Date.now() }));
    await connection.query('INSERT INTO local_jobs VALUES ($1, $2, $3, $4, $5)', [
      { value: BigInt(job.created), type: BIGINT },
      { value: job.project, type: VARCHAR },
      { value: job.id, type: VARCHAR },
      { value: job.requestId ?? null, type: VARCHAR },
      { value: record, type: VARCHAR },
    ]);
    job.stored = true;
    this.#onDisk++;
    if (this.#onDisk > ON_DISK + 5000) {
      this.#onDisk -= 5000;
      void this.#prune().catch(() => undefined);
    }
  }

  get(project: string, id: string): Job | undefined {
    return this.#jobs.get(`${project}\n${id}`);
  }

  async recorded(project: string, id: string): Promise<Json | undefined> {
    const rows = await this.#database.use(async (connection) =>
      (
        await connection.query('SELECT record FROM local_jobs WHERE id = $1 AND project = $2', [
          { value: id, type: VARCHAR },
          { value: project, type: VARCHAR },
        ])
      ).getRows(),
    );
    return rows.length > 0 ? JSON.parse(String(rows[0]![0])) : undefined;
  }

  list(project: string): Job[] {
    return [...this.#jobs.values()].filter((job) => job.project === project).reverse();
  }

  remove(job: Job): void {
    this.#jobs.delete(`${job.project}\n${job.id}`);
  }

  /** Rows of INFORMATION_SCHEMA.JOBS. */
  informationRows(project: string, user: string | undefined): Json[] {
    return this.list(project)
      .filter((job) => user === undefined || job.caller.subject === user)
      .map((job) => {
        const { outcome, error } = job;
        const reference = (path: { project: string; dataset: string; table: string }) => ({
          project_id: path.project,
          dataset_id: path.dataset,
          table_id: path.table,
        });
        return {
          creation_time: new Date(job.created).toISOString(),
          project_id: job.project,
          user_email: job.caller.subject,
          job_id: job.id,
          job_type: job.kind,
          statement_type: job.statementType ?? outcome?.statementType ?? null,
          priority: job.configuration.query?.priority ?? 'INTERACTIVE',
          start_time: job.started === undefined ? null : new Date(job.started).toISOString(),
          end_time: job.ended === undefined ? null : new Date(job.ended).toISOString(),
          query: job.configuration.query?.query ?? null,
          state: job.state,
          total_bytes_processed: outcome?.bytesProcessed ?? 0,
          total_slot_ms: job.ended === undefined ? 0 : job.ended - (job.started ?? job.ended),
          error_result: error ? { reason: error.reason, location: error.location ?? null, debug_info: null, message: error.message } : null,
          cache_hit: outcome?.cacheHit ?? false,
          destination_table: outcome?.target ? reference(outcome.target) : null,
          referenced_tables: (outcome?.referenced ?? []).map(reference),
          labels: Object.entries(job.configuration.labels ?? {}).map(([key, value]) => ({ key, value })),
          total_bytes_billed: outcome?.bytesBilled ?? 0,
          parent_job_id: job.parent ?? null,
          dml_statistics: outcome?.dml
            ? { inserted_row_count: outcome.dml.inserted, deleted_row_count: outcome.dml.deleted, updated_row_count: outcome.dml.updated }
            : null,
        };
      });
  }

  #forgetOld(): void {
    if (this.#jobs.size <= IN_MEMORY) return;
    for (const [key, job] of this.#jobs) {
      if (this.#jobs.size <= IN_MEMORY) break;
      if (job.state === 'DONE') this.#jobs.delete(key);
    }
  }

  async #prune(): Promise<void> {
    if (this.#onDisk <= ON_DISK) return;
    await this.#database.use((connection) =>
      connection.run(
        `DELETE FROM local_jobs WHERE created < (SELECT created FROM local_jobs ORDER BY created DESC LIMIT 1 OFFSET ${ON_DISK})`,
      ),
    );
  }
}

/** A failure that is not BigQuery's: the message says what DuckDB or the program said, since the caller is at the same machine. */
function unexpected(error: unknown): ApiError {
  const text = error instanceof Error ? error.message.split('\n')[0]!.slice(0, 500) : String(error);
  const failure = new ApiError('internalError', `An internal error occurred: ${text}`, undefined, 400);
  failure.cause = error;
  return failure;
}
