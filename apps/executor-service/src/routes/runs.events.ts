import { runsEvents } from '@convergence/contracts';
import { route } from '@convergence/service';
import type { Executor } from '../executor.ts';

export const runsEventsRoute = ({ runs, live }: Pick<Executor, 'runs' | 'live'>) =>
  route(runsEvents, async ({ params, principal, request, signal }) => {
    const record = await runs.get(params.run_id, principal);
    const last = request.headers['last-event-id'];
    const lastEventId = typeof last === 'string' && /^\d{1,15}$/.test(last) ? Number(last) : undefined;
    const standing = live.needsStanding(record, lastEventId) ? await runs.steps(record) : [];
    return {
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      body: live.stream(record, lastEventId, signal, standing),
    };
  });
