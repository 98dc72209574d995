/**
 * npm run simulate -- --tenants 10000 --days 2 --seed 7
 * Plays the real decisions of admission, schedules and queue under a virtual clock, with faults, and checks their invariants.
 */
import { parseArgs } from 'node:util';
import { Breach, World } from '@convergence/simulation';

const { values } = parseArgs({
  options: {
    tenants: { type: 'string', default: '1000' },
    schedules: { type: 'string', default: '5' },
    days: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    /** How many worlds, one seed after the other. */
    worlds: { type: 'string', default: '1' },
    places: { type: 'string' },
    crowd: { type: 'string', default: '6' },
    start: { type: 'string', default: '2026-10-31T22:00:00Z' },
    calm: { type: 'boolean', default: false },
  },
});
const tenants = Number(values.tenants);
const places = Number(values.places ?? Math.max(50, tenants / 10));
for (let i = 0; i < Number(values.worlds); i++) {
  const seed = Number(values.seed) + i;
  const began = performance.now();
  const cpu = process.cpuUsage();
  try {
    const world = new World({
      seed,
      tenants,
      schedulesPerTenant: Number(values.schedules),
      days: Number(values.days),
      start: Date.parse(values.start),
      crowd: Number(values.crowd),
      places,
      faults: !values.calm,
    });
    const figures = world.run();
    const { user, system } = process.cpuUsage(cpu);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    // On a machine that does other things too the clock says little.
    console.log(`seed ${seed}: ${JSON.stringify(figures)} in ${seconds} s (${((user + system) / 1e6).toFixed(1)} s of a processor)`);
  } catch (error) {
    if (!(error instanceof Breach)) throw error;
    console.error(error.message);
    const { schedules, crowd, days, start } = values;
    const world = `--tenants ${tenants} --schedules ${schedules} --crowd ${crowd} --places ${places} --days ${days} --start ${start}`;
    console.error(`Play it again: npm run simulate -- ${world}${values.calm ? ' --calm' : ''} --seed ${seed}`);
    process.exitCode = 1;
    break;
  }
}
