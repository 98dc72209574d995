/**
 * Commands that their clients named by an Idempotency-Key: every gateway asks here whether it is the first to hear of one.
 *
 * Does not know: what a command does, who its client is. 1. A name stands for the request that it came with first, until it is forgotten: a
 * day later, or before when too many are kept; whoever keeps most loses its own oldest. 2. A command is called by its name and the time of
 * its naming, so that the same name much later is another command. 3. What it came to is noted with it, once. 4. A request is in here as a
 * hash that nobody can make who does not hold a secret of its caller or of the gateways.
 */
import { calledBy } from './command-names.ts';
import { type Accepted, accept, type Context, iso } from './decision.ts';
import type { TenantEvent } from './events.ts';
import type { TenantsState } from './state.ts';

export interface NameCommand {
  readonly kind: 'name-command';
  readonly name: string;
  readonly request: string;
  readonly holder: string;
}
/** `command`: null when the name stands for another request. */
export interface NameReply {
  readonly command: string | null;
  readonly made: string | null;
  readonly named_at: string | null;
}
const ANOTHER: NameReply = { command: null, made: null, named_at: null };

export function decideNaming(state: TenantsState, { name, request, holder }: NameCommand, { now }: Context): Accepted<NameReply> {
  const known = state.commands.byName(name, now);
  if (known) {
    const { command, made, named_at } = known;
    return accept(known.request === request ? { command, made, named_at } : ANOTHER);
  }
  const command = calledBy(name, now);
  return accept({ command, made: null, named_at: iso(now) }, { type: 'command_named', command, request, holder });
}

export interface NoteMade {
  readonly kind: 'note-made';
  readonly command: string;
  readonly made: string;
}
export const decideMade = (state: TenantsState, { command, made }: NoteMade): Accepted<null> =>
  accept(null, ...cameTo(state, command, made));

/** It is known what the command came to. */
export const isDone = ({ commands }: TenantsState, command: string | undefined): boolean =>
  command !== undefined && typeof commands.get(command)?.made === 'string';

/** For who decides what a command comes to: goes with its events. */
export function cameTo({ commands }: TenantsState, command: string | undefined, made: string): readonly TenantEvent[] {
  if (command === undefined || commands.get(command)?.made !== null) return [];
  return [{ type: 'command_made', command, made }];
}

export function applyCommand(state: TenantsState, event: Extract<TenantEvent, { type: 'command_named' | 'command_made' }>): void {
  if (event.type === 'command_made') state.commands.noteMade(event.command, event.made);
  else state.commands.add({ ...event, made: null });
}
