import type { Operation } from '../operation.ts';
import { deadLettersList, deadLettersRedrive, journalList } from './admin.ts';
import {
  schedulerCleanupOrphanedPipelines,
  schedulerProcessQueue,
  schedulerQueue,
  schedulerResetDailyQuotas,
  schedulerStatus,
  schedulerTrigger,
} from './scheduler.ts';
import {
  pipelineConfigsCreate,
  pipelineConfigsDisable,
  pipelineConfigsList,
  schedulesChange,
  schedulesCreate,
  schedulesDisable,
  schedulesList,
} from './schedules.ts';

/** The whole REST API. What is not here is not served. */
export const OPERATIONS: readonly Operation[] = [
  schedulesList,
  schedulesCreate,
  schedulesChange,
  schedulesDisable,
  pipelineConfigsList,
  pipelineConfigsCreate,
  pipelineConfigsDisable,
  schedulerTrigger,
  schedulerProcessQueue,
  schedulerResetDailyQuotas,
  schedulerCleanupOrphanedPipelines,
  schedulerStatus,
  schedulerQueue,
  deadLettersList,
  deadLettersRedrive,
  journalList,
];
