import { CommandMadeRequest, NameCommandsRequest, NameCommandsResponse } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import type { NameReply } from '@convergence/tenants';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';

/** What commands are called that clients named, journalled as one batch: every gateway is told the same, for one that came before too. */
export const commandsNameRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  internalRoute(
    { method: 'POST', path: '/internal/commands', callers: ['gateway'], body: NameCommandsRequest, response: NameCommandsResponse },
    async (call) => {
      const named = call.body.commands.map((command) => ({ kind: 'name-command' as const, ...command }));
      const outcomes = await slice.executeMany(named, asked(call));
      return {
        body: {
          commands: outcomes.map((outcome) => {
            if ('refusal' in outcome) throw outcome.refusal;
            return outcome.reply as NameReply;
          }),
        },
      };
    },
  );

export const commandsMadeRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  internalRoute(
    {
      method: 'POST',
      path: '/internal/commands/made',
      callers: ['gateway', 'scheduler-service', 'executor-service'],
      body: CommandMadeRequest,
    },
    async (call) => {
      await execute(slice, { kind: 'note-made', ...call.body }, asked(call));
      return {};
    },
  );
