/**
 * What BigQuery's errors mean to us.
 *
 * 1. `again`: the same statement may succeed a moment later and nothing of it happened (rate limits, conflicts).
 * 2. `unknown`: no or no usable answer; it may have happened, so only a resend under the same request id is safe.
 * 3. `refused`: the same again would be refused again.
 */
import { Transient } from '@convergence/contracts';
import { WarehouseError } from '@convergence/ports';

interface Detail {
  readonly reason?: string;
  readonly message?: string;
  readonly location?: string;
}
export interface Verdict {
  readonly kind: 'again' | 'unknown' | 'refused';
  readonly reason: string;
  readonly message: string;
  readonly location: string | undefined;
  readonly status: number | undefined;
}

const AGAIN = new Set([
  'rateLimitExceeded',
  'jobRateLimitExceeded',
  'userRateLimitExceeded',
  'backendError',
  'internalError',
  'jobBackendError',
  'jobInternalError',
]);
const CONFLICT =
  /could not serialize access|aborted due to concurrent update|too many DML statements outstanding|exceeded quota for total number of DML jobs|exceeded rate limits|too many table update operations|update operations for this/i;

export function verdictOf(cause: unknown): Verdict {
  const error = cause as { code?: unknown; errors?: readonly Detail[]; message?: string; response?: { status?: number } } | undefined;
  const detail = error?.errors?.[0];
  const message = detail?.message ?? error?.message ?? String(cause);
  const status = typeof error?.code === 'number' ? error.code : error?.response?.status;
  const reason = detail?.reason ?? '';
  const base = { message, location: detail?.location, status };
  if (AGAIN.has(reason) || CONFLICT.test(message)) return { kind: 'again', reason: reason || 'conflict', ...base };
  if (status === 429) return { kind: 'again', reason: reason || 'rateLimitExceeded', ...base };
  // Not an answer of BigQuery's at all: refused connections, resets, timeouts, a proxy's 502.
  if (status === undefined ? reason === '' : status >= 500 || status === 408)
    return { kind: 'unknown', reason: reason || 'noAnswer', ...base };
  return { kind: 'refused', reason: reason || String(status), ...base };
}

export function errorOf(cause: unknown): Transient | WarehouseError {
  if (cause instanceof Transient || cause instanceof WarehouseError) return cause;
  const verdict = verdictOf(cause);
  if (verdict.kind !== 'refused') return new Transient(`BigQuery: ${verdict.message}`, { cause, retryAfterSeconds: 5 });
  return new WarehouseError(verdict.reason, verdict.message, { location: verdict.location, cause });
}
