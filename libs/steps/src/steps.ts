import { bigqueryQuery } from './bigquery-query/step.ts';
import { notify } from './notify/step.ts';
import { onboardingDryrun } from './onboarding-dryrun/step.ts';
import type { StepCode } from './step.ts';

export const STEPS: Readonly<Record<string, StepCode>> = {
  'bigquery.query': bigqueryQuery,
  notify,
  'onboarding.dryrun': onboardingDryrun,
};
