import { type Gate, UUID_PATTERN, WhyPart } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import Type from 'typebox';
import type { Executor } from '../executor.ts';

/** The executors' gates of a run: has somebody a place for it? */
export const runsWhyRoute = ({ worker, index, clock, concurrency }: Pick<Executor, 'worker' | 'index' | 'clock' | 'concurrency'>) =>
  internalRoute(
    {
      method: 'GET',
      path: '/internal/runs/{run_id}/why',
      callers: ['gateway'],
      params: Type.Object({ run_id: Type.String({ pattern: UUID_PATTERN }) }),
      response: WhyPart,
    },
    ({ params }) => {
      const record = index.get(params.run_id);
      if (!record) return { body: { tenant_id: null, status: null, gates: [] } };
      const held = worker.holds(record.run_id);
      const started = record.started_at !== null || record.status !== 'PENDING';
      const full = worker.running >= concurrency;
      const wait = worker.typicalMs;
      const gate: Gate = {
        gate: 'worker_capacity',
        state: started ? 'passed' : full || held === 'waiting' ? 'closed' : 'open',
        value: worker.running,
        limit: concurrency,
        since: record.admitted_at,
        expected:
          started || !full || wait === undefined
            ? null
            : new Date(clock.now() + Math.ceil((worker.waiting / concurrency) * wait)).toISOString(),
        detail: started
          ? 'An executor has taken it up'
          : held === 'waiting'
            ? `Waits for a place here: ${worker.waiting} runs wait, ${worker.running} of ${concurrency} places are taken`
            : full
              ? 'All places of this executor are taken'
              : 'There are free places; the run is on its way',
      };
      return { body: { tenant_id: record.tenant_id, status: record.status, gates: [gate] } };
    },
  );
