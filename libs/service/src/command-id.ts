/**
 * A command that its client named by an Idempotency-Key is the same one through whichever gateway it comes, and after a crash of that
 * which answered first.
 *
 * Does not know: who the client is, what the command does. 1. Gateways name commands and tenant-service remembers the names for all of them;
 * an owner reads what the command is called from a request that was verified. 2. What a command makes has an id that follows from what the
 * command is called, which is another when its name comes again after it was forgotten.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { CommandMadeRequest, ServiceName } from '@convergence/contracts';
import type { InternalClient } from './internal-client.ts';

export interface Command {
  readonly id: string;
  /** What it came to when it was asked for before, by its id; null when that is not known. */
  readonly made: string | null;
}
const ID_HEADER = 'x-command-id';
const MADE_HEADER = 'x-command-made';

export function commandId(...parts: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-5${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

export const commandHeaders = ({ id, made }: Command): Record<string, string> => ({
  [ID_HEADER]: id,
  ...(made !== null && { [MADE_HEADER]: made }),
});

/** Undefined for a command that its client did not name. */
export function commandOf({ headers }: Pick<IncomingMessage, 'headers'>): Command | undefined {
  const id = headers[ID_HEADER] as string | undefined;
  return id === undefined ? undefined : { id, made: (headers[MADE_HEADER] as string | undefined) ?? null };
}

/** The id of what a command makes: the same each time it comes. */
export const idOfMade = (what: string, command: Command | undefined): string =>
  command === undefined ? randomUUID() : commandId(what, command.id);

/** What a command came to, told to who remembers it: where no decision of tenant-service says it. */
export async function noteMade(
  tenantService: Pick<InternalClient, 'call'>,
  service: ServiceName,
  { id }: Pick<Command, 'id'>,
  made: string,
): Promise<void> {
  const body: CommandMadeRequest = { command: id, made };
  const principal = { kind: 'service', service } as const;
  await tenantService.call({ method: 'POST', path: '/internal/commands/made', principal, body, idempotent: true });
}
