/** Every step type as templates see it. Adding one: its folder with config.ts and step.ts, a line here and one in steps.ts. */
import type { StepTypeDeclaration } from '@convergence/pipelines';
import { BigQueryCopyConfig } from './bigquery-copy/config.ts';
import { BigQueryQueryConfig } from './bigquery-query/config.ts';
import { DqCheckConfig } from './dq-check/config.ts';
import { TARGET_OUTPUTS } from './fields.ts';
import { HttpExtractConfig } from './http-extract/config.ts';
import { NotifyConfig } from './notify/config.ts';
import { ObjectLoadConfig } from './object-load/config.ts';
import { OnboardingDryrunConfig } from './onboarding-dryrun/config.ts';

export const STEP_TYPES = [
  { type: 'bigquery.query', description: 'GoogleSQL into a table', config: BigQueryQueryConfig, outputs: TARGET_OUTPUTS },
  {
    type: 'bigquery.copy',
    description: "rows of a table in the tenant's own project",
    config: BigQueryCopyConfig,
    outputs: [...TARGET_OUTPUTS, 'watermark'],
  },
  { type: 'http.extract', description: 'REST pages into a raw table', config: HttpExtractConfig, outputs: [...TARGET_OUTPUTS, 'pages'] },
  {
    type: 'object.load',
    description: 'CSV, NDJSON or Parquet objects into a raw table',
    config: ObjectLoadConfig,
    outputs: [...TARGET_OUTPUTS, 'objects'],
  },
  { type: 'dq.check', description: 'data quality rules over a table', config: DqCheckConfig, outputs: ['rules', 'failed', 'warned'] },
  { type: 'notify', description: 'e-mail, webhook or Slack', config: NotifyConfig, outputs: ['sent'] },
  {
    type: 'onboarding.dryrun',
    description: 'proves that a tenant can write to its dataset',
    config: OnboardingDryrunConfig,
    outputs: ['rows'],
  },
] as const satisfies readonly StepTypeDeclaration[];
export type StepType = (typeof STEP_TYPES)[number]['type'];
