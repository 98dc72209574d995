import { bigqueryCopy } from './bigquery-copy/step.ts';
import { bigqueryQuery } from './bigquery-query/step.ts';
import { dqCheck } from './dq-check/step.ts';
import { httpExtract } from './http-extract/step.ts';
import { notify } from './notify/step.ts';
import { objectLoad } from './object-load/step.ts';
import { onboardingDryrun } from './onboarding-dryrun/step.ts';
import type { StepCode } from './step.ts';

export const STEPS: Readonly<Record<string, StepCode>> = {
  'bigquery.query': bigqueryQuery,
  'bigquery.copy': bigqueryCopy,
  'dq.check': dqCheck,
  'http.extract': httpExtract,
  'object.load': objectLoad,
  notify,
  'onboarding.dryrun': onboardingDryrun,
};
