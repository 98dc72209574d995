import { runProgress } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import { ITSELF, type Tenants } from '../tenants.ts';

/** A run started or got on: either way somebody works on it. */
export const runProgressHandler = ({ slice }: Pick<Tenants, 'slice'>): EventHandler =>
  on(runProgress, async (batch) => {
    const commands = batch.map(({ data }) =>
      data.kind === 'started'
        ? ({ kind: 'start-run', run_id: data.run_id, started_at: data.at } as const)
        : ({ kind: 'note-heartbeats', run_ids: [data.run_id], at: data.at } as const),
    );
    await slice.executeMany(commands, { actor: ITSELF });
  });
