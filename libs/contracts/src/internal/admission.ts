import Type, { type Static } from 'typebox';
import { ERRORS, type ErrorCode, Refusal } from '../errors.ts';
import { RunSpec, Timestamp } from '../events/run.ts';
import type { Principal } from '../principal.ts';

/**
 * POST tenant-service /internal/admissions: one decision for many runs, in the order given. Idempotent by run_id:
 * asking again for an admitted run answers the same and reserves nothing more.
 */
export const AdmitRequest = Type.Object({
  runs: Type.Array(RunSpec, { minItems: 1, maxItems: 1000 }),
  /** Who wants a run, by run_id, for the audit trail. Of those that are not here it is who calls. */
  asked_by: Type.Optional(Type.Record(Type.String(), Type.Unsafe<Principal>(Type.Object({ kind: Type.String() })))),
  /** The command that asks for a run, by run_id: it is noted what it came to. */
  commands: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type AdmitRequest = Static<typeof AdmitRequest>;

export const AdmissionDecision = Type.Union([
  Type.Object({ run_id: Type.String(), outcome: Type.Literal('admitted'), admitted_at: Timestamp }),
  /** The same pipeline with the same parameters is live already. */
  Type.Object({
    run_id: Type.String(),
    outcome: Type.Literal('existing'),
    existing_run_id: Type.String(),
    status: Type.Enum(['PENDING', 'RUNNING']),
  }),
  Type.Object({
    run_id: Type.String(),
    outcome: Type.Literal('refused'),
    code: Type.String(),
    detail: Type.String(),
    /** Members of the problem document: quota_reset_time, limit, used... */
    fields: Type.Record(Type.String(), Type.Unknown()),
    /** When asking again may help; null when nobody can tell (a slot frees when a run ends). */
    retry_at: Type.Union([Timestamp, Type.Null()]),
  }),
]);
export type AdmissionDecision = Static<typeof AdmissionDecision>;
export const AdmitResponse = Type.Object({ decisions: Type.Array(AdmissionDecision) });
export type AdmitResponse = Static<typeof AdmitResponse>;

/** Admission's no, as the client reads it. */
export function refusalOf(decision: Extract<AdmissionDecision, { outcome: 'refused' }>, tenantId: string, now: number): Error {
  const { code, detail, fields, retry_at } = decision;
  if (!Object.hasOwn(ERRORS, code)) return new Error(`admission refused with a code that nobody knows: ${code}`);
  return new Refusal(code as ErrorCode, detail, {
    fields: { tenant_id: tenantId, customer_id: tenantId, ...fields },
    ...(retry_at !== null && { retryAfterSeconds: Math.max(1, Math.ceil((Date.parse(retry_at) - now) / 1000)) }),
  });
}
