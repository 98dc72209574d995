import { existsSync, writeFileSync } from 'node:fs';

/** Resolves at once, unless the tenant's run is to go no further than this point. */
export type CrashPoint = (stepType: string, point: string, tenantId: string) => Promise<void> | void;

/**
 * For tests of what comes after a crash: `type:point@tenant`, many of them. Each of these runs stands still where it is told to; when
 * the last one has got there the process dies as kill -9 does, with every run exactly at its point. Once, which the mark shows.
 */
export function crashPoints(at: string | undefined, mark: string | undefined): CrashPoint {
  if (at === undefined || mark === undefined || existsSync(mark)) return () => undefined;
  const expected = new Set(at.split(','));
  const reached = new Set<string>();
  return (stepType, point, tenantId) => {
    const here = `${stepType}:${point}@${tenantId}`;
    if (!expected.has(here)) return;
    reached.add(here);
    if (reached.size === expected.size) {
      writeFileSync(mark, `${[...reached].join('\n')}\n`);
      process.kill(process.pid, 'SIGKILL');
    }
    return new Promise<never>(() => undefined);
  };
}
