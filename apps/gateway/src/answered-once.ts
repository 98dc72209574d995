/**
 * For operations that make nothing which could be known by its id: what was answered is remembered with the command, so that it is done
 * once, through whichever gateway it comes again. An answer that is too long is not, and a note that fails leaves the answer as it is.
 */
import { LONGEST_MADE } from '@convergence/contracts';
import { JsonText, noteMade, type Reply } from '@convergence/service';
import { type Handle, tenantOf } from './forward.ts';
import type { Owners } from './owners.ts';

export const answeredOnce =
  (owners: Owners, handle: Handle): Handle =>
  async (call) => {
    const { command, log } = call;
    if (!command) return handle(call);
    if (command.made !== null) return JSON.parse(command.made) as Reply;
    const { status, body } = await handle(call);
    const reply: Reply = { ...(status && { status }), body: body instanceof JsonText ? JSON.parse(body.text) : body };
    const made = JSON.stringify(reply);
    if (made.length > LONGEST_MADE) return reply;
    await noteMade(owners.of('tenant-service', tenantOf(call)), 'gateway', command, made).catch((err: unknown) =>
      log.warn({ err }, 'what a command came to is not noted'),
    );
    return reply;
  };
