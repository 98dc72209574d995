import { type Gate, UUID_PATTERN, WhyPart } from '@convergence/contracts';
import { hasEnded, type RunRecord } from '@convergence/runs';
import { internalRoute } from '@convergence/service';
import Type from 'typebox';
import type { Executor } from '../executor.ts';

/** The executors' gate of a run: has somebody a place for it? And once it has one: what it is at, or how it ended. */
export const runsWhyRoute = ({
  worker,
  index,
  runs,
  clock,
  concurrency,
}: Pick<Executor, 'worker' | 'index' | 'runs' | 'clock' | 'concurrency'>) =>
  internalRoute(
    {
      method: 'GET',
      path: '/internal/runs/{run_id}/why',
      callers: ['gateway'],
      params: Type.Object({ run_id: Type.String({ pattern: UUID_PATTERN }) }),
      // Also of a run that has left the memory.
      query: Type.Object({ older: Type.Optional(Type.Boolean()) }),
      response: WhyPart,
    },
    async ({ params, query, principal }) => {
      const record = query.older ? await runs.get(params.run_id, principal) : index.get(params.run_id);
      if (!record) return { body: { tenant_id: null, status: null, gates: [] } };
      return {
        body: { tenant_id: record.tenant_id, status: record.status, gates: [workerGate(record, worker, clock.now(), concurrency)] },
      };
    },
  );

export function workerGate(
  record: RunRecord,
  worker: Pick<Executor['worker'], 'holds' | 'running' | 'waiting' | 'typicalMs'>,
  now: number,
  concurrency: number,
): Gate {
  const { running, waiting, typicalMs } = worker;
  const base = { gate: 'worker_capacity', value: running, limit: concurrency, since: record.admitted_at, expected: null };
  if (record.started_at !== null || record.status !== 'PENDING')
    return {
      ...base,
      state: 'passed',
      since: record.started_at ?? record.admitted_at,
      detail: whatItIsAt(record, worker.holds(record.run_id) === 'running'),
    };
  const full = running >= concurrency;
  if (!full && worker.holds(record.run_id) !== 'waiting') {
    const late = now - Date.parse(record.admitted_at) > ON_ITS_WAY_MS ? `. Should an executor that took it up be gone, ${COMES_AGAIN}` : '';
    return { ...base, state: 'open', detail: `There are free places; the run is on its way${late}` };
  }
  const places = `${waiting} runs wait, ${running} of ${concurrency} places are taken`;
  return {
    ...base,
    state: 'closed',
    expected: typicalMs === undefined ? null : new Date(now + Math.ceil((waiting / concurrency) * typicalMs)).toISOString(),
    detail:
      worker.holds(record.run_id) === 'waiting' ? `Waits for a place here: ${places}` : `All places of this executor are taken: ${places}`,
  };
}

/** Longer than a run takes to a free place. */
const ON_ITS_WAY_MS = 10_000;
const COMES_AGAIN = 'another goes on when the lease of its message ends, about a minute after';

/**
 * For whoever is woken up by it: the steps in work, how often they were tried, and what went wrong the last time; of a run that is in
 * another's hands what was heard of it last, because nobody says that an executor is gone.
 */
function whatItIsAt(record: RunRecord, here: boolean): string {
  const { error } = record;
  const words = (e: NonNullable<RunRecord['error']>) => `${e.code}: ${e.message}${e.hint ? ` ${e.hint}` : ''}`;
  if (hasEnded(record.status))
    return `It ended as ${record.status}${error ? `${error.step ? ` in step ${error.step}` : ''}: ${words(error)}` : ''}`;
  const steps = [...record.steps.values()].filter((step) => step.status === 'RUNNING');
  const heard = new Date(Date.parse(record.admitted_at) + record.sequence).toISOString();
  const elsewhere = here ? '' : `. Last heard of at ${heard}; should its executor be gone, ${COMES_AGAIN}`;
  const asked = record.cancel_reason === null ? '' : `. It is to be cancelled: ${record.cancel_reason}`;
  if (steps.length === 0) return `An executor has taken it up${record.whole ? ' and is between two steps' : ''}${elsewhere}${asked}`;
  const at = steps.map((step) => {
    const after = step.error ? `, after ${words(step.error)}` : '';
    return `${step.step_id} (${step.step_type}, attempt ${step.attempt}, since ${step.started_at}${after})`;
  });
  return `An executor works on ${at.join(' and ')}${elsewhere}${asked}`;
}
