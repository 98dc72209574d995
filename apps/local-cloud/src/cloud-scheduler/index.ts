/**
 * Cloud Scheduler: plays the jobs of a file. At least once, as Google does it; a job that is still under way when its next time
 * comes skips that time.
 */
import { CronExpressionParser } from 'cron-parser';
import type { Job } from './jobs.ts';

export { BadJobs, type Job, readJobs } from './jobs.ts';

export interface SchedulerOptions {
  readonly jobs: readonly Job[];
  readonly publish: (topic: string, data: Buffer, attributes: Readonly<Record<string, string>>) => Promise<void>;
  readonly log: (message: string, error?: unknown) => void;
  readonly now?: () => number;
}
export interface RunningScheduler {
  /** When each job goes next. */
  readonly next: ReadonlyMap<string, number>;
  close(): void;
}
/** setTimeout takes no longer wait than this. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export function startScheduler({ jobs, publish, log, now = Date.now }: SchedulerOptions): RunningScheduler {
  const timers = new Map<string, NodeJS.Timeout>();
  const next = new Map<string, number>();
  const running = new Set<string>();

  const plan = (job: Job): void => {
    const at = CronExpressionParser.parse(job.schedule, { tz: job.timeZone, currentDate: new Date(now()) })
      .next()
      .getTime();
    next.set(job.name, at);
    wait(job, at);
  };
  const wait = (job: Job, at: number): void => {
    const left = at - now();
    const turn = left > LONGEST_WAIT_MS ? () => wait(job, at) : () => void go(job, at);
    timers.set(job.name, setTimeout(turn, Math.min(Math.max(0, left), LONGEST_WAIT_MS)).unref());
  };
  const go = async (job: Job, at: number): Promise<void> => {
    plan(job);
    if (running.has(job.name)) return log(`job ${job.name} is still under way, ${new Date(at).toISOString()} is skipped`);
    running.add(job.name);
    try {
      await attempts(job, at, publish);
    } catch (error) {
      log(`job ${job.name} of ${new Date(at).toISOString()} failed`, error);
    } finally {
      running.delete(job.name);
    }
  };
  for (const job of jobs) plan(job);
  return {
    next,
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}

async function attempts(job: Job, at: number, publish: SchedulerOptions['publish']): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run(job, at, publish);
    } catch (error) {
      if (attempt >= job.retryCount) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5000 * 2 ** attempt).unref());
    }
  }
}

async function run({ name, target, attemptDeadlineMs }: Job, at: number, publish: SchedulerOptions['publish']): Promise<void> {
  if (target.kind === 'pubsub') return publish(target.topic, target.data, target.attributes);
  const response = await fetch(target.uri, {
    method: target.method,
    headers: {
      'user-agent': 'Google-Cloud-Scheduler',
      'x-cloudscheduler': 'true',
      'x-cloudscheduler-jobname': name,
      'x-cloudscheduler-scheduletime': new Date(at).toISOString(),
      ...target.headers,
    },
    ...(target.body !== undefined && { body: target.body }),
    signal: AbortSignal.timeout(attemptDeadlineMs),
  });
  if (!response.ok) throw new Error(`${target.method} ${target.uri} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  await response.body?.cancel();
}
