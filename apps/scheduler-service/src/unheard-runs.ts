import type { Clock } from '@convergence/ports';
import type { Log } from '@convergence/service';
import type { Admission } from './admission.ts';
import type { SchedulesSlice } from './definition.ts';
import type { Dispatcher } from './dispatcher.ts';

/** A run that ended is told within seconds; after this long it is asked after. */
const UNHEARD_MS = 5 * 60_000;
const AT_ONCE = 50;

/**
 * The end of a run whose word was lost on the way: without this its item would hold a place for ever. Admission knows ended runs for
 * some minutes; a run that it does not know at all has ended before that, nobody can say how, and is tried again: a run that is
 * repeated changes nothing.
 */
export function unheard(parts: {
  slice: SchedulesSlice;
  admission: Pick<Admission, 'run'>;
  clock: Clock;
  dispatcher: Pick<Dispatcher, 'poke'>;
  log: Log;
}): () => Promise<void> {
  const { slice, admission, clock, dispatcher, log } = parts;
  const askedAt = new Map<string, number>();
  return async () => {
    if (!slice.ready) return;
    const now = clock.now();
    const running = [...slice.state.queue.underWay()].filter((item) => item.stage === 'running');
    const runs = new Set(running.map((item) => item.pipeline_logging_id));
    for (const id of askedAt.keys()) if (!runs.has(id)) askedAt.delete(id);
    const due = running
      .map((item) => ({ item, run: item.pipeline_logging_id as string, since: item.processing_started_at ?? item.added_at }))
      .filter(({ run, since }) => now - Math.max(since, askedAt.get(run) ?? 0) >= UNHEARD_MS)
      .slice(0, AT_ONCE);
    for (const { item, run } of due) {
      askedAt.set(run, now);
      const known = await admission.run(run);
      if (known?.live) continue;
      const { tenant_id, run_id } = item;
      log.warn(
        { tenant_id, run_id, pipeline_logging_id: run, status: known?.status },
        'the end of a run was not heard of; it is made up for',
      );
      await slice.execute({
        type: 'finish-run',
        tenant_id,
        pipeline_logging_id: run,
        status: known?.status === 'COMPLETE' || known?.status === 'CANCELLED' ? known.status : 'FAILED',
        retryable: true,
        error: known ? 'The run failed; why was not heard of' : 'The run ended and nobody heard how',
      });
      dispatcher.poke();
    }
  };
}
