/** What a load, copy or extract job does once its request was checked. */
import type { Job } from './jobs.ts';

export type Work = (job: Job) => Promise<void>;
