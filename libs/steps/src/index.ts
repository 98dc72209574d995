export { type ControlTotals, normalDecimal, type Totals, withinTolerance } from './control-totals.ts';
export { asFailure, ERROR_CLASSES, type ErrorClass, StepFailure } from './failure.ts';
export type { Message, Messenger } from './notify/messenger.ts';
export { type MessengerOptions, messengers } from './notify/messengers.ts';
export type { Credential, StepCode, StepContext, StepOutcome, TenantContext } from './step.ts';
export { STEP_TYPES, type StepType } from './step-types.ts';
export { STEPS } from './steps.ts';
