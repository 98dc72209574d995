export { Breach, type Figures, World, type WorldOptions } from './world.ts';
