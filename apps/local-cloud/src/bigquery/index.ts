/** BigQuery over REST: opens the store, serves it, closes it. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Control } from '../control/index.ts';
import { prelude, registerFunctions } from '../googlesql/index.ts';
import type { Identity } from '../identity/index.ts';
import { StreamBook } from '../storage-write/stream-book.ts';
import { Metadata } from './catalog/metadata.ts';
import { TableSizes } from './catalog/table-size.ts';
import { Mutations } from './execute/mutations.ts';
import { Queries } from './execute/queries.ts';
import { jobResource } from './jobs/job-resource.ts';
import { Jobs } from './jobs/jobs.ts';
import { Results } from './jobs/results.ts';
import { RateLimits } from './rate-limits.ts';
import { datasetRoutes } from './rest/datasets.ts';
import { discoveryRoutes } from './rest/discovery.ts';
import { listen } from './rest/http.ts';
import { jobRoutes } from './rest/jobs.ts';
import { routineRoutes } from './rest/routines.ts';
import { tabledataRoutes } from './rest/tabledata.ts';
import { tableRoutes } from './rest/tables.ts';
import { uploadRoutes } from './rest/uploads.ts';
import type { Service } from './service.ts';
import { Store } from './storage/store.ts';
import { Streaming } from './storage/streaming.ts';

export interface BigQuery {
  readonly port: number;
  /** For Storage Write, which writes into the same tables. */
  readonly store: Store;
  readonly streams: StreamBook;
  close(): Promise<void>;
}

export interface BigQueryOptions {
  readonly port: number;
  readonly host?: string;
  readonly dataDir: string;
  readonly project: string;
  readonly location: string;
  readonly identity: Identity;
  readonly control: Control;
  readonly log: (message: string, error?: unknown) => void;
  /** Answers paths that begin `/__` and `/healthz`; true when it did. */
  readonly fallback?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

const FAULT_POINTS = {
  'bigquery.unavailable': 'a request is refused with 503 before it has any effect',
  'bigquery.slow': 'a request waits before it is handled',
  'bigquery.answer_lost': 'the connection breaks after the effect of a request, before its answer',
  'bigquery.reset': 'the connection is reset after the request was handled',
};
const SWEEP_MS = 30_000;

export async function startBigQuery(options: BigQueryOptions): Promise<BigQuery> {
  const { control, identity, log } = options;
  control.faults.declare(FAULT_POINTS);
  const dir = join(options.dataDir, 'bigquery');
  const streams = new StreamBook();
  const streaming = new Streaming(control.clock);
  const store = await Store.open({
    dir,
    prelude,
    registerFunctions: (connection) => registerFunctions(connection.raw),
    keepers: [streams, streaming],
    log,
  });
  const jobs = new Jobs(store.database, options.location, (job) => jobResource(job, service.origin));
  await jobs.load();
  const service: Service = Object.assign(Object.create(null), {
    store,
    metadata: new Metadata(store),
    sizes: new TableSizes(store),
    streaming,
    mutations: new Mutations(),
    results: await Results.open(store.database, dir),
    jobs,
    control,
    rates: new RateLimits(control),
    project: options.project,
    location: options.location,
    objects: join(options.dataDir, 'gs'),
    log,
    origin: `http://127.0.0.1:${options.port}`,
  });
  const queries = new Queries(service);
  const { server, port } = await listen({
    port: options.port,
    ...(options.host === undefined ? {} : { host: options.host }),
    routes: [
      ...datasetRoutes(service),
      ...tableRoutes(service, queries),
      ...tabledataRoutes(service),
      ...jobRoutes(service, queries),
      ...routineRoutes(service),
      ...uploadRoutes(service),
      ...discoveryRoutes(service),
    ],
    identity,
    admit: (caller, method) => service.rates.request(caller.subject, method),
    fault: (point) => control.faults.at(point),
    sleep: (ms) => control.clock.sleep(ms),
    ...(options.fallback ? { fallback: options.fallback } : {}),
    onBug: (where, error) => log(`bigquery: ${where} failed`, error),
  });
  service.origin = `http://127.0.0.1:${port}`;
  const sweep = setInterval(
    () => void service.metadata.sweepExpired().catch((error) => log('bigquery: removing expired tables failed', error)),
    SWEEP_MS,
  );
  sweep.unref();
  return {
    port,
    store,
    streams,
    close: async () => {
      clearInterval(sweep);
      for (const project of store.catalog.projects()) for (const job of jobs.list(project)) if (job.state !== 'DONE') job.abort.abort();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await store.close();
    },
  };
}
