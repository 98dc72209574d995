/**
 * The HTTP edge of the error vocabulary: any thrown thing becomes an RFC 9457 problem document.
 *
 * Does not know: routes. 1. A `Refusal` or `Transient` says what its author wrote for the client.
 * 2. Anything else is a bug: logged whole, answered as `internal.unexpected` without a word of its message.
 */
import { ERRORS, type ErrorCode, type Problem, problemType, Refusal, Transient } from '@convergence/contracts';
import { currentTraceId } from './trace.ts';

export interface ProblemAnswer {
  readonly status: number;
  readonly body: Problem;
  readonly retryAfterSeconds: number | undefined;
  /** True when nobody wrote this answer for a client: log it as an error. */
  readonly unexpected: boolean;
}

export function problemOf(error: unknown, requestId: string): ProblemAnswer {
  if (error instanceof Refusal) return answer(error.code, error.message, requestId, error.fields, error.retryAfterSeconds, false);
  if (error instanceof Transient) return answer(error.code, error.message, requestId, {}, error.retryAfterSeconds, false);
  const detail = `The error is logged with request ${requestId}.`;
  return answer('internal.unexpected', detail, requestId, {}, undefined, true);
}

function answer(
  code: ErrorCode,
  detail: string,
  requestId: string,
  fields: Readonly<Record<string, unknown>>,
  retryAfterSeconds: number | undefined,
  unexpected: boolean,
): ProblemAnswer {
  const { status, title } = ERRORS[code];
  const traceId = currentTraceId();
  const body: Problem = {
    ...(status === 429 && { status_code: 429 }),
    ...fields,
    type: problemType(code),
    title,
    status,
    detail,
    instance: `urn:convergence:request:${requestId}`,
    code,
    ...(traceId && { trace_id: traceId }),
  };
  return { status, body, retryAfterSeconds: status === 503 ? (retryAfterSeconds ?? 1) : retryAfterSeconds, unexpected };
}
