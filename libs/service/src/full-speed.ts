/**
 * A process that was started with `--optimize-for-size` collects garbage so eagerly that a request costs twice the CPU time. That is
 * right while it idles on a laptop. From its first busy seconds on it is not: then memory is traded for speed, for good.
 */
import { setFlagsFromString } from 'node:v8';

const LOOK_EVERY_MS = 500;
/** Of a core. Processor time and not the time that the event loop was busy: on a machine that others keep busy an idle process looks busy too. */
const BUSY = 0.25;
/** Looks in a row: what is loaded late, like a client at its first use, is over before. */
const LASTING = 4;

/** Looks for busy moments from now on; call when the work of starting is done. */
export function fullSpeedWhenBusy(onBusy: () => void = () => setFlagsFromString('--no-optimize-for-size')): NodeJS.Timeout {
  let at = performance.now();
  let used = process.cpuUsage();
  let busy = 0;
  const looking = setInterval(() => {
    const { user, system } = process.cpuUsage(used);
    const now = performance.now();
    busy = (user + system) / 1000 > BUSY * (now - at) ? busy + 1 : 0;
    if (busy === LASTING) {
      clearInterval(looking);
      onBusy();
    }
    at = now;
    used = process.cpuUsage();
  }, LOOK_EVERY_MS).unref();
  return looking;
}
