import { tenantCommands } from '@convergence/tables';
import { text, textOrNull } from './cells.ts';
import type { TenantProjection } from './projection.ts';

/** Rows stay when memory forgets the command; their partition goes. */
export const commands: TenantProjection = {
  table: tenantCommands,
  key: ['command'],
  touches: (event) => (event.type === 'command_named' || event.type === 'command_made' ? [event.command] : []),
  row(state, command) {
    const named = state.commands.get(command);
    return named ? { ...named } : null;
  },
  loadWhere: 'named_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)',
  load(state, rows) {
    state.commands.load(
      rows.map((row) => ({
        command: text(row, 'command'),
        request: text(row, 'request'),
        holder: text(row, 'holder'),
        made: textOrNull(row, 'made'),
      })),
    );
  },
};
