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
  const runs: CleanupAnswer['runs'] = [];
  for (;;) {
    const swept = await execute(slice, { kind: 'sweep-orphans', older_than_minutes: olderThanMinutes }, meta);
    if (swept.runs.length === 0) break;
    for (const { run_id } of swept.runs) runEnds.tell(run_id);
    log.warn({ run_ids: swept.runs.map((run) => run.run_id) }, 'runs declared lost');
    runs.push(...swept.runs);
  }
  return {
    cleaned_count: runs.length,
    runs,
    message: runs.length === 0 ? 'No orphaned pipelines' : `Marked ${runs.length} orphaned pipelines as FAILED and released their slots`,
  };
}
