export { type Clock, createClock } from './clock.ts';
export { type Control, createControl } from './control.ts';
export { type Faults, type Firing, type Plan, parseFaults } from './faults.ts';
export type { Limits } from './limits.ts';
export { controlRoutes } from './routes.ts';
export type { Counted, Stats } from './stats.ts';
