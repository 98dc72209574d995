/**
 * An answer that says no in BigQuery's words: HTTP status, `reason` and message are what clients branch on.
 * Everything else that is thrown here is a bug and becomes a 500 without its text.
 */
export type Reason =
  | 'invalid'
  | 'invalidQuery'
  | 'notFound'
  | 'duplicate'
  | 'accessDenied'
  | 'required'
  | 'rateLimitExceeded'
  | 'quotaExceeded'
  | 'jobRateLimitExceeded'
  | 'resourcesExceeded'
  | 'resourceInUse'
  | 'bytesBilledLimitExceeded'
  | 'conditionNotMet'
  | 'backendError'
  | 'internalError'
  | 'notImplemented'
  | 'stopped'
  | 'parseError'
  | 'responseTooLarge'
  | 'timeout'
  | 'badRequest';

const httpStatus: Record<Reason, number> = {
  invalid: 400,
  invalidQuery: 400,
  notFound: 404,
  duplicate: 409,
  accessDenied: 403,
  required: 400,
  rateLimitExceeded: 403,
  quotaExceeded: 403,
  jobRateLimitExceeded: 400,
  resourcesExceeded: 400,
  resourceInUse: 400,
  bytesBilledLimitExceeded: 400,
  conditionNotMet: 412,
  backendError: 503,
  internalError: 500,
  notImplemented: 501,
  stopped: 499,
  parseError: 400,
  responseTooLarge: 403,
  timeout: 400,
  badRequest: 400,
};

const canonical: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  412: 'FAILED_PRECONDITION',
  413: 'INVALID_ARGUMENT',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
};

export interface ErrorProto {
  readonly reason: string;
  readonly message: string;
  readonly location?: string;
  readonly debugInfo?: string;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: Reason;
  readonly status: number;
  readonly location: string | undefined;
  /** What a job's status shows beside it. */
  readonly beside: readonly ErrorProto[];
  constructor(reason: Reason, message: string, location?: string, status?: number, beside: readonly ErrorProto[] = []) {
    super(message);
    this.reason = reason;
    this.status = status ?? httpStatus[reason];
    this.location = location;
    this.beside = beside;
  }

  /** The form that job statuses and row errors use. */
  proto(): ErrorProto {
    return { reason: this.reason, ...(this.location === undefined ? {} : { location: this.location }), message: this.message };
  }

  envelope(): unknown {
    const locationType = this.location === undefined ? {} : { locationType: 'other', location: this.location };
    return {
      error: {
        code: this.status,
        message: this.message,
        errors: [{ message: this.message, domain: 'global', reason: this.reason, ...locationType }],
        status: canonical[this.status] ?? 'UNKNOWN',
      },
    };
  }
}

export const invalid = (message: string, location?: string) => new ApiError('invalid', message, location);
export const required = (what: string) => new ApiError('required', `Required parameter is missing: ${what}`, what);
export const noDataset = (project: string, dataset: string) => new ApiError('notFound', `Not found: Dataset ${project}:${dataset}`);
export const noTable = (project: string, dataset: string, table: string) =>
  new ApiError('notFound', `Not found: Table ${project}:${dataset}.${table}`);
