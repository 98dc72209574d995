import { runProgress } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { ITSELF } from '../tenants-slice.ts';

/** Runs started or got on: either way somebody works on them. A start is a sign of life itself; of the rest one command tells. */
export const runProgressHandler = ({ slice }: Pick<Tenants, 'slice'>): EventHandler =>
  on(runProgress, async (batch) => {
    const commands = batch.flatMap(({ data: { reports } }) => {
      const started = reports.filter((report) => report.kind === 'started');
      const starts = started.map(({ run_id, at }) => ({ kind: 'start-run' as const, run_id, started_at: at }));
      const alive = new Set(reports.map((report) => report.run_id));
      for (const { run_id } of started) alive.delete(run_id);
      const at = reports.at(-1)?.at ?? '';
      return alive.size === 0 ? starts : [...starts, { kind: 'note-heartbeats' as const, run_ids: [...alive], at }];
    });
    await slice.executeMany(commands, { actor: ITSELF });
  });
