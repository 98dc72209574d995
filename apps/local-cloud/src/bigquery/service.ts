/** What every route and every job works with. */
import type { Control } from '../control/index.ts';
import type { Metadata } from './catalog/metadata.ts';
import type { TableSizes } from './catalog/table-size.ts';
import type { Queries } from './execute/queries.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { RateLimits } from './rate-limits.ts';
import type { Store } from './storage/store.ts';
import type { Streaming } from './storage/streaming.ts';

export interface Service {
  readonly store: Store;
  readonly metadata: Metadata;
  readonly sizes: TableSizes;
  readonly streaming: Streaming;
  readonly queries: Queries;
  readonly jobs: Jobs;
  readonly control: Control;
  readonly rates: RateLimits;
  readonly project: string;
  readonly location: string;
  readonly log: (message: string, error?: unknown) => void;
  /** Filled in when the server listens: links in answers begin with it. */
  origin: string;
}
