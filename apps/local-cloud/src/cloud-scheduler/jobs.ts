import { readFileSync } from 'node:fs';
import { CronExpressionParser } from 'cron-parser';
import { parse } from 'yaml';

/** A job in the shape of Cloud Scheduler's REST resource, as far as this product plays it. */
export interface Job {
  readonly name: string;
  readonly schedule: string;
  readonly timeZone: string;
  readonly attemptDeadlineMs: number;
  readonly retryCount: number;
  readonly target:
    | { readonly kind: 'pubsub'; readonly topic: string; readonly attributes: Readonly<Record<string, string>>; readonly data: Buffer }
    | {
        readonly kind: 'http';
        readonly uri: string;
        readonly method: string;
        readonly headers: Readonly<Record<string, string>>;
        readonly body: string | undefined;
      };
}
export class BadJobs extends Error {}

type Env = Readonly<Record<string, string | undefined>>;
interface RawJob {
  readonly name?: string;
  readonly schedule?: string;
  readonly timeZone?: string;
  readonly attemptDeadline?: string;
  readonly retryConfig?: { readonly retryCount?: number };
  readonly pubsubTarget?: { readonly topicName?: string; readonly attributes?: Record<string, string>; readonly data?: string };
  readonly httpTarget?: {
    readonly uri?: string;
    readonly httpMethod?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  };
}

export const readJobs = (file: string, env: Env): readonly Job[] => parseJobs(readFileSync(file, 'utf8'), env);

/** Everything wrong with the file in one message. */
export function parseJobs(text: string, env: Env): readonly Job[] {
  const problems: string[] = [];
  const fill = (value: string): string =>
    value.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      if (env[name] === undefined) problems.push(`\${${name}} is not set in the environment`);
      return env[name] ?? '';
    });
  // After reading, so that a value stays one whatever it holds.
  const filled: unknown = parse(text, (_, value: unknown) => (typeof value === 'string' ? fill(value) : value));
  const raw = ((filled as { jobs?: readonly RawJob[] } | null)?.jobs ?? []) as readonly RawJob[];
  const jobs = raw.map((job, index) => jobOf(job, job.name ?? `job ${index + 1}`, problems));
  if (problems.length > 0) throw new BadJobs([...new Set(problems)].join('\n'));
  return jobs as readonly Job[];
}

function jobOf(job: RawJob, name: string, problems: string[]): Job | undefined {
  const { schedule = '', timeZone = 'Etc/UTC', pubsubTarget, httpTarget } = job;
  try {
    CronExpressionParser.parse(schedule, { tz: timeZone }).next();
  } catch (error) {
    problems.push(`${name}: schedule "${schedule}" in ${timeZone}: ${(error as Error).message}`);
  }
  const common = {
    name,
    schedule,
    timeZone,
    attemptDeadlineMs: Number.parseFloat(job.attemptDeadline ?? '180s') * 1000,
    retryCount: job.retryConfig?.retryCount ?? 0,
  };
  if (pubsubTarget?.topicName && !httpTarget) {
    const { topicName, attributes = {}, data = '' } = pubsubTarget;
    return { ...common, target: { kind: 'pubsub', topic: topicName, attributes, data: Buffer.from(data) } };
  }
  if (httpTarget?.uri && !pubsubTarget) {
    const { uri, httpMethod = 'POST', headers = {}, body } = httpTarget;
    return { ...common, target: { kind: 'http', uri, method: httpMethod, headers, body } };
  }
  problems.push(`${name}: takes one of pubsubTarget.topicName and httpTarget.uri`);
  return undefined;
}
