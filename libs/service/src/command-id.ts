/**
 * A command that its client named by an Idempotency-Key is the same one through whichever gateway it comes, and after a crash of that
 * which answered first.
 *
 * Does not know: who the client is, what the command does. 1. The gateway alone names commands; an owner reads the name from a request
 * that was verified. 2. What a command makes has an id that follows from its name and the time, so that it is made anew when it comes much later.
 * 3. A run's id is not used again once tenant-service may have forgotten it, 15 minutes after the run's end.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from '@convergence/contracts';
import type { InternalClient } from './internal-client.ts';

export const COMMAND_HEADER = 'x-command-id';
/** Shorter than runs are remembered. */
export const RUN_WINDOW_MS = 10 * 60_000;
const DAY_MS = 86_400_000;

export function commandId(...parts: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-5${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

/** As the gateway named it; undefined for a command that its client did not name. */
export const commandOf = (request: Pick<IncomingMessage, 'headers'>): string | undefined =>
  request.headers[COMMAND_HEADER] as string | undefined;

/** What a command makes now is called by the first; what it made in earlier windows, newest first, by the others. */
export function idsOfMade(what: string, command: string, now: number, windowMs: number, windows = 2): readonly [string, ...string[]] {
  const window = Math.floor(now / windowMs);
  const id = (ago: number) => commandId(what, command, window - ago);
  return [id(0), ...Array.from({ length: windows - 1 }, (_, i) => id(i + 1))];
}

/** The id of what a command makes; of what is there already, when the command comes again within a day. */
export function idOfMade(what: string, command: string | undefined, now: number, isThere: (id: string) => boolean): string {
  if (command === undefined) return randomUUID();
  const ids = idsOfMade(what, command, now, DAY_MS);
  return ids.find(isThere) ?? ids[0];
}

/** The run that a command asks for, and whether it was admitted already. */
export async function runOf(
  command: string | undefined,
  now: number,
  tenantService: () => Pick<InternalClient, 'call'>,
  service: 'gateway' | 'executor-service',
): Promise<{ readonly run_id: string; readonly admitted: boolean }> {
  if (command === undefined) return { run_id: randomUUID(), admitted: false };
  const ids = idsOfMade('run', command, now, RUN_WINDOW_MS);
  for (const known of await Promise.all(ids.map(isKnown))) if (known) return { run_id: known, admitted: true };
  return { run_id: ids[0], admitted: false };

  function isKnown(id: string): Promise<string | undefined> {
    const principal = { kind: 'service', service } as const;
    return tenantService()
      .call({ method: 'GET', path: `/internal/runs/${id}`, principal })
      .then(
        () => id,
        (error: unknown) => {
          if (error instanceof Refusal && error.code === 'run.not_found') return undefined;
          throw error;
        },
      );
  }
}
