/** What every route and every job works with. */
import type { Control } from '../control/index.ts';
import type { Metadata } from './catalog/metadata.ts';
import type { TableSizes } from './catalog/table-size.ts';
import type { Mutations } from './execute/mutations.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { Results } from './jobs/results.ts';
import type { RateLimits } from './rate-limits.ts';
import type { RestRequest } from './rest/http.ts';
import type { Store } from './storage/store.ts';
import type { Streaming } from './storage/streaming.ts';

export interface Service {
  readonly store: Store;
  readonly metadata: Metadata;
  readonly sizes: TableSizes;
  readonly streaming: Streaming;
  readonly mutations: Mutations;
  readonly results: Results;
  readonly jobs: Jobs;
  readonly control: Control;
  readonly rates: RateLimits;
  readonly project: string;
  readonly location: string;
  /** The folder that stands for Cloud Storage: `gs://bucket/object` is the file `bucket/object` in it. */
  readonly objects: string;
  readonly log: (message: string, error?: unknown) => void;
  /** Filled in when the server listens: links in answers begin with it. */
  origin: string;
  /** jobs.insert with an uploaded file; set by the job routes, used by the upload routes. */
  insertJob: (request: RestRequest, media?: Buffer) => Promise<unknown>;
}
