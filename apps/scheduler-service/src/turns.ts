import type { Clock } from '@convergence/ports';
import type { Log } from '@convergence/service';

/** Work that is looked at again and again until it is stopped; a turn that fails is logged and comes again. */
export function takeTurns(clock: Clock, log: Log, everyMs: number, what: string, work: () => Promise<void>) {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(everyMs, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      await work().catch((error: unknown) => log.warn({ err: error }, `${what} failed, it is tried again`));
    }
  };
  return {
    start: (): void => {
      running = run();
    },
    stop: async (): Promise<void> => {
      stopping.abort();
      await running;
    },
  };
}
