import type { CleanupAnswer } from '@convergence/contracts';
import type { CommandMeta } from '@convergence/slice';
import type { Tenants } from './tenants.ts';
import { execute, ITSELF } from './tenants-slice.ts';

/** Declares runs lost that gave no sign for too long: their slots are free, and run-completed and run-cancelled say so. */
export async function sweepOrphans(
  { slice, config, runEnds, log }: Pick<Tenants, 'slice' | 'config' | 'runEnds' | 'log'>,
  olderThanMinutes: number = config.orphanMinutes,
  meta: CommandMeta = { actor: ITSELF },
): Promise<CleanupAnswer> {
  const { runs } = await execute(slice, { kind: 'sweep-orphans', older_than_minutes: olderThanMinutes }, meta);
  for (const { run_id } of runs) runEnds.tell(run_id);
  if (runs.length > 0) log.warn({ run_ids: runs.map((run) => run.run_id) }, 'runs declared lost');
  return {
    cleaned_count: runs.length,
    runs: [...runs],
    message: runs.length === 0 ? 'No orphaned pipelines' : `Marked ${runs.length} orphaned pipelines as FAILED and released their slots`,
  };
}
