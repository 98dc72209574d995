export { Breach } from './invariants.ts';
export { type Figures, World } from './world.ts';
export type { WorldOptions } from './world-options.ts';
