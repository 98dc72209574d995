import type { Warehouse } from '@convergence/ports';
import type { BigQuery, Job, JobMetadata } from '@google-cloud/bigquery';
import type { GoogleConfig } from '../endpoints.ts';
import { errorOf, verdictOf } from './errors.ts';

interface Load {
  readonly dataset: string;
  readonly table: string;
  readonly file: Parameters<Warehouse['load']>[2];
  readonly write: 'append' | 'replace';
  readonly jobId: string;
}

/** A load job by upload; the job's name makes a second upload of it the first one's job. Returns the rows written. */
export async function loadFile(client: BigQuery, config: GoogleConfig, load: Load): Promise<number> {
  try {
    const job = await started(client, config, load);
    const metadata = await finished(job);
    return Number(metadata.statistics?.load?.outputRows ?? 0);
  } catch (cause) {
    throw errorOf(cause);
  }
}

async function started(client: BigQuery, config: GoogleConfig, { dataset, table, file, write, jobId }: Load): Promise<Job> {
  try {
    const [job] = await client
      .dataset(dataset)
      .table(table)
      .createLoadJob(file.path, {
        ...file.options,
        jobId,
        location: config.location,
        sourceFormat: file.format,
        writeDisposition: write === 'replace' ? 'WRITE_TRUNCATE' : 'WRITE_APPEND',
      });
    return job;
  } catch (cause) {
    if (verdictOf(cause).status !== 409) throw cause;
    return client.job(jobId, { location: config.location });
  }
}

async function finished(job: Job): Promise<JobMetadata> {
  for (let wait = 100; ; wait = Math.min(2_000, wait * 2)) {
    const [metadata] = (await job.getMetadata()) as unknown as [JobMetadata];
    if (metadata.status?.state === 'DONE') {
      const failed = whyOf(metadata.status);
      if (failed) throw Object.assign(new Error(failed.message ?? 'the load failed'), { code: 400, errors: [failed] });
      return metadata;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

const ONLY_COUNTED = /encountered too many errors/;
/** Of rows that are wrong the result says how many, and the errors beside it what is wrong with them. */
function whyOf({ errorResult, errors = [] }: NonNullable<JobMetadata['status']>) {
  if (!ONLY_COUNTED.test(errorResult?.message ?? '')) return errorResult;
  return errors.find(({ message }) => message && !ONLY_COUNTED.test(message)) ?? errorResult;
}
