/**
 * A run as everybody outside its executor knows it: folded from what is published about it.
 *
 * 1. Events come late, doubled and in any order: the record is the same. 2. It only moves forward: PENDING, RUNNING, an end.
 * 3. The first end that is heard of stands. 4. What a run was asked with comes from its request, whenever that arrives.
 * 5. Its template is the one that it ended in; until then the one that it started with first.
 */
import type { DataOf, ProgressReport, RunError, RunSpec, RunStatus, runCompleted } from '@convergence/contracts';

export interface StepRecord {
  readonly step_id: string;
  readonly step_type: string;
  readonly status: 'RUNNING' | 'COMPLETE' | 'FAILED' | 'SKIPPED' | 'CANCELLED';
  readonly attempt: number;
  readonly rows_processed: number | null;
  readonly error: RunError | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly sequence: number;
}

export interface RunRecord {
  readonly run_id: string;
  readonly tenant_id: string;
  readonly pipeline_id: string;
  spec: RunSpec | undefined;
  admitted_at: string;
  status: RunStatus;
  started_at: string | null;
  ended_at: string | null;
  error: RunError | null;
  /** Why somebody wants it stopped. */
  cancel_reason: string | null;
  template_version: number | null;
  template_hash: string | null;
  sequence: number;
  /** Known from its request on, so that none of its steps is missing. */
  whole: boolean;
  steps: Map<string, StepRecord>;
}

type Requested = RunSpec & { readonly admitted_at: string };
type Completed = DataOf<typeof runCompleted>;

const ENDED: readonly RunStatus[] = ['COMPLETE', 'FAILED', 'CANCELLED'];
export const hasEnded = (status: RunStatus): boolean => ENDED.includes(status);

export function newRecord(identity: { run_id: string; tenant_id: string; pipeline_id: string }, admittedAt: string): RunRecord {
  const { run_id, tenant_id, pipeline_id } = identity;
  return {
    run_id,
    tenant_id,
    pipeline_id,
    spec: undefined,
    admitted_at: admittedAt,
    status: 'PENDING',
    started_at: null,
    ended_at: null,
    error: null,
    cancel_reason: null,
    template_version: null,
    template_hash: null,
    sequence: 0,
    whole: false,
    steps: new Map(),
  };
}

export function heardRequested(record: RunRecord, event: Requested): void {
  const { admitted_at, ...spec } = event;
  record.spec = spec;
  record.whole = true;
  record.admitted_at = admitted_at;
}

export function heardProgress(record: RunRecord, event: ProgressReport): void {
  if (event.kind === 'started') {
    const first = record.started_at === null || event.at < record.started_at;
    if (record.template_hash === null || (first && !hasEnded(record.status))) withTemplate(record, event);
    if (first) record.started_at = event.at;
  }
  if (!hasEnded(record.status)) record.status = 'RUNNING';
  record.sequence = Math.max(record.sequence, event.sequence);
  const { step } = event;
  if (!step) return;
  const before = record.steps.get(step.step_id);
  if (before && before.sequence >= event.sequence) {
    if (step.status === 'RUNNING' && before.started_at === null && before.attempt === step.attempt)
      record.steps.set(step.step_id, { ...before, started_at: event.at });
    return;
  }
  record.steps.set(step.step_id, {
    ...step,
    started_at: step.status === 'RUNNING' ? event.at : before?.attempt === step.attempt ? before.started_at : null,
    ended_at: step.status === 'RUNNING' ? null : event.at,
    sequence: event.sequence,
  });
}

export function heardCompleted(record: RunRecord, event: Completed): void {
  record.admitted_at = event.admitted_at;
  if (event.started_at !== null && (record.started_at === null || event.started_at < record.started_at))
    record.started_at = event.started_at;
  if (hasEnded(record.status)) return;
  record.status = event.status;
  record.ended_at = event.ended_at;
  record.error = event.error;
  withTemplate(record, event);
  record.sequence = Math.max(record.sequence, event.sequence);
}

/** What the table says of it: for whoever did not hear it all. It moves no further back than events do. */
export function readInTable(record: RunRecord, row: RunRecord): void {
  record.spec ??= row.spec;
  record.started_at ??= row.started_at;
  record.cancel_reason ??= row.cancel_reason;
  if (hasEnded(record.status) || row.status === 'PENDING') return;
  record.status = row.status;
  record.ended_at = row.ended_at;
  record.error = row.error;
  withTemplate(record, row);
  record.sequence = Math.max(record.sequence, row.sequence);
}

function withTemplate(record: RunRecord, event: Partial<Pick<RunRecord, 'template_version' | 'template_hash'>>): void {
  if (!event.template_hash) return;
  record.template_hash = event.template_hash;
  record.template_version = event.template_version ?? null;
}
