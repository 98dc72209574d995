export { Breach } from './invariants.ts';
export { type Figures, World, type WorldOptions } from './world.ts';
