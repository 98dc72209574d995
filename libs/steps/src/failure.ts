/**
 * Why a step failed, in words for who can do something about it.
 *
 * 1. Every error becomes exactly one class. 2. Only what may pass by itself is retried. 3. A message from a client library is shown
 * only where it speaks of the tenant's own SQL, table or account.
 */
import { Refusal, Transient } from '@convergence/contracts';
import { UnknownVariable } from '@convergence/pipelines';
import { WarehouseError } from '@convergence/ports';

export const ERROR_CLASSES = [
  'credential',
  'permission',
  'rate_limit',
  'source_not_ready',
  'schema',
  'quota',
  'data_quality',
  'timeout',
  'cancelled',
  'lost',
  'internal',
] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];

interface FailureOptions {
  readonly hint?: string;
  readonly transient?: boolean;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly errorClass: ErrorClass;
  readonly code: string;
  readonly hint: string | null;
  readonly transient: boolean;
  readonly retryAfterSeconds: number | undefined;
  constructor(errorClass: ErrorClass, code: string, message: string, options: FailureOptions = {}) {
    super(message, { cause: options.cause });
    this.errorClass = errorClass;
    this.code = code;
    this.hint = options.hint ?? null;
    this.transient = options.transient ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

type Classified = readonly [errorClass: ErrorClass, code: string, hint: string, transient?: boolean];

/** BigQuery's reasons, and what the user can do. */
const REASONS: Readonly<Record<string, Classified>> = {
  accessDenied: [
    'permission',
    'bigquery.access_denied',
    'Grant the service account roles/bigquery.dataViewer on the dataset and roles/bigquery.jobUser on its project.',
  ],
  notFound: [
    'source_not_ready',
    'bigquery.not_found',
    'Check the name. A table of your own dataset is made by the pipeline that loads it: run that first. An export may not have been set up yet, or its dataset was deleted.',
  ],
  invalidQuery: [
    'schema',
    'bigquery.invalid_query',
    'A column or type is not what the template expects: compare the source table with the template.',
  ],
  invalid: ['schema', 'bigquery.invalid', 'The request does not fit the table: compare its columns with the template.'],
  duplicate: ['internal', 'bigquery.duplicate', 'Run it again.', true],
  quotaExceeded: ['quota', 'bigquery.quota_exceeded', "The project's BigQuery quota is used up; it resets at midnight Pacific time."],
  bytesBilledLimitExceeded: [
    'quota',
    'bigquery.bytes_cap',
    "The query reads more than the plan allows; narrow the template's filter or change the plan.",
  ],
  rateLimitExceeded: ['rate_limit', 'bigquery.rate_limit', 'It is tried again by itself.', true],
  jobRateLimitExceeded: ['rate_limit', 'bigquery.rate_limit', 'It is tried again by itself.', true],
  responseTooLarge: ['quota', 'bigquery.response_too_large', 'Split the run into smaller units, a day instead of a month.'],
  resourcesExceeded: [
    'quota',
    'bigquery.resources_exceeded',
    'The step ran out of memory: split the run into smaller units, a day instead of a month.',
  ],
  billingNotEnabled: ['permission', 'bigquery.billing', 'Turn on billing for the project that runs the query.'],
  backendError: ['source_not_ready', 'bigquery.backend', 'It is tried again by itself.', true],
  internalError: ['source_not_ready', 'bigquery.backend', 'It is tried again by itself.', true],
  stopped: ['cancelled', 'bigquery.stopped', 'Somebody stopped the query job.'],
};

export function asFailure(error: unknown): StepFailure {
  if (error instanceof StepFailure) return error;
  if (error instanceof WarehouseError) {
    const [errorClass, code, hint, transient = false] = REASONS[error.reason] ?? [
      'internal',
      `bigquery.${error.reason}`,
      'Ask support with the id of the run.',
    ];
    return new StepFailure(errorClass, code, error.message, { hint, transient, cause: error });
  }
  if (error instanceof Transient)
    return new StepFailure('source_not_ready', error.code, error.message, {
      hint: 'Something that it needs was away; it is tried again by itself.',
      transient: true,
      retryAfterSeconds: error.retryAfterSeconds,
      cause: error,
    });
  if (error instanceof UnknownVariable)
    return new StepFailure('schema', 'template.no_value', `{${error.variable}} has no value in this run.`, {
      hint: 'A step gives its outputs only when it completed: let those that use them run only then, or leave them out.',
      cause: error,
    });
  if (error instanceof Refusal) return new StepFailure('internal', error.code, error.message, { cause: error });
  if (error instanceof RangeError && /heap|allocation|Invalid (string|array) length/i.test(error.message))
    return new StepFailure('quota', 'step.out_of_memory', 'The step ran out of memory.', {
      hint: 'Split the run into smaller units.',
      cause: error,
    });
  return new StepFailure('internal', 'step.unexpected', 'Something went wrong on our side.', {
    hint: 'Ask support with the id of the run.',
    cause: error,
  });
}
