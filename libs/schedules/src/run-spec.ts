import type { RunSpec } from '@convergence/contracts';
import { pipelineIdOf, type QueueItem } from './schedule.ts';

/** What is asked of admission for a claimed item, with the parameters that its template made of the item's. */
export function attemptOf(
  item: QueueItem,
  resolved: Pick<RunSpec, 'provider' | 'domain' | 'template' | 'parameters' | 'parameters_hash' | 'run_date' | 'as_of'>,
): RunSpec {
  return {
    run_id: item.pipeline_logging_id as string,
    tenant_id: item.tenant_id,
    pipeline_id: pipelineIdOf({ ...item, pipeline_template: resolved.template }),
    ...resolved,
    trigger_type: item.lane === 'backfill' ? 'backfill' : 'scheduler',
    trigger_by: item.trigger_by ?? 'cloud_scheduler',
    user_id: item.asked_by && 'userId' in item.asked_by ? (item.asked_by.userId ?? null) : null,
    lane: item.lane,
    scheduled_run_id: item.run_id,
    retry_of: null,
    retry_from: null,
  };
}
