/**
 * The error vocabulary. `Refusal` = no, and it stays no until the caller changes something; `Transient` = try again later;
 * every other exception is a bug. Only the HTTP edge and the message settler read this file's types.
 *
 * 1. A code never changes its meaning or status. 2. A client never sees the message of an unexpected error.
 * 3. `detail` of a Refusal is written for the client; `cause` is for the log.
 */
export const ERRORS = {
  'request.invalid': { status: 400, title: 'The request is not valid' },
  'request.malformed': { status: 400, title: 'The body is not valid JSON' },
  'request.bad_http': { status: 400, title: 'The request is not valid HTTP' },
  'request.timeout': { status: 408, title: 'The request took too long to arrive' },
  'request.expectation_failed': { status: 417, title: 'The request expects what is not done' },
  'request.headers_too_large': { status: 431, title: 'The headers are too large' },
  'request.too_large': { status: 413, title: 'The body is larger than 1 MB' },
  'request.not_json': { status: 415, title: 'The body must be application/json' },
  'request.unknown_path': { status: 404, title: 'No such path' },
  'request.method_not_allowed': { status: 405, title: 'This path does not take that method' },
  'request.idempotency_conflict': { status: 422, title: 'The Idempotency-Key was used with another request' },
  'request.confirmation_required': { status: 428, title: 'The request needs a confirmation' },
  'auth.invalid_api_key': { status: 401, title: 'Invalid API key' },
  'auth.invalid_admin_key': { status: 403, title: 'Invalid admin API key' },
  'auth.other_tenant': { status: 403, title: 'The key belongs to another tenant' },
  'auth.scope_missing': { status: 403, title: 'The key lacks a scope' },
  'auth.internal': { status: 401, title: 'The internal token is not valid' },
  'auth.signature': { status: 400, title: 'The signature is not valid' },
  'tenant.not_found': { status: 404, title: 'No such tenant' },
  'tenant.exists': { status: 409, title: 'The tenant exists' },
  'tenant.suspended': { status: 403, title: 'Account suspended' },
  'tenant.inactive': { status: 403, title: 'Tenant account is inactive' },
  'subscription.inactive': { status: 403, title: 'The subscription is not active' },
  'quota.daily_exceeded': { status: 429, title: 'Daily quota exceeded' },
  'quota.monthly_exceeded': { status: 429, title: 'Monthly quota exceeded' },
  'quota.concurrent_exceeded': { status: 429, title: 'Concurrent limit reached' },
  'quota.rate_exceeded': { status: 429, title: 'Rate limit exceeded' },
  'quota.providers_exceeded': { status: 403, title: 'The plan allows no more providers' },
  'api_key.not_found': { status: 404, title: 'No such API key' },
  'credential.not_found': { status: 404, title: 'No such credential' },
  'credential.invalid': { status: 400, title: 'The credential has not the shape its provider asks for' },
  'provider_config.not_found': { status: 404, title: 'No such provider configuration' },
  'template.not_found': { status: 404, title: 'Template not found' },
  'template.invalid': { status: 409, title: 'The template is not valid' },
  'template.parameters_invalid': { status: 400, title: 'The parameters do not fit the template' },
  'run.not_found': { status: 404, title: 'No such run' },
  'run.not_cancellable': { status: 409, title: 'The run has ended' },
  'run.not_retryable': { status: 409, title: 'The run can not be retried' },
  'schedule.not_found': { status: 404, title: 'No such schedule' },
  'schedule.invalid': { status: 400, title: 'The schedule is not valid' },
  'schedule.limit': { status: 409, title: 'The tenant has as many schedules as it may' },
  'owner.changing': { status: 503, title: 'The owner of this state is changing' },
  'service.unavailable': { status: 503, title: 'Something we depend on is not available' },
  'service.overloaded': { status: 503, title: 'Too much work at once' },
  'internal.unexpected': { status: 500, title: 'Something went wrong on our side' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance?: string;
  readonly code: ErrorCode;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly trace_id?: string;
  readonly [extra: string]: unknown;
}

interface Extra {
  /** Further members of the problem document: `tenant_id`, `quota_reset_time`, `errors`... */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** No, and it stays no. A message handler that throws it has its message quarantined, not redelivered. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;
  constructor(code: ErrorCode, detail: string, extra: Extra = {}) {
    super(detail, { cause: extra.cause });
    this.code = code;
    this.fields = extra.fields ?? {};
    this.retryAfterSeconds = extra.retryAfterSeconds;
  }
}

/** Not now: a dependency is away, an owner is changing, a lock was lost. Thrown when trying again later may succeed. */
export class Transient extends Error {
  override readonly name = 'Transient';
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number;
  constructor(detail: string, extra: Extra & { readonly code?: ErrorCode } = {}) {
    super(detail, { cause: extra.cause });
    this.code = extra.code ?? 'service.unavailable';
    this.retryAfterSeconds = extra.retryAfterSeconds ?? 1;
  }
}

export const problemType = (code: ErrorCode): string => `https://convergence.dev/errors/${code}`;
