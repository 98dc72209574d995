export { STEP_TYPES, type StepType } from './step-types.ts';
