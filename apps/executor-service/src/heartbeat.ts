import { runHeartbeat } from '@convergence/contracts';
import type { Bus, Clock } from '@convergence/ports';
import { eventMessage, type Log } from '@convergence/service';

/** One message at an interval names all runs in hand, so that their reservations live on. */
export function startHeartbeat(options: {
  readonly bus: Pick<Bus, 'publish'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly source: string;
  readonly instance: string;
  readonly seconds: number;
  readonly runIds: () => readonly string[];
}): () => void {
  const { bus, clock, log, source, instance } = options;
  const timer = setInterval(() => {
    const run_ids = [...options.runIds()];
    if (run_ids.length === 0) return;
    const message = eventMessage(
      runHeartbeat,
      { executor: instance, at: new Date(clock.now()).toISOString(), run_ids },
      { source, now: clock.now() },
    );
    bus.publish([message]).catch((error: unknown) => log.warn({ err: error }, 'heartbeat could not be sent'));
  }, options.seconds * 1000);
  return () => clearInterval(timer);
}
