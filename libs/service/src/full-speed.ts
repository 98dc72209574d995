/**
 * A process that was started with `--optimize-for-size` collects garbage so eagerly that a request costs twice the CPU time. That is
 * right while it idles on a laptop. From its first busy seconds on, or from when it says so itself, it is not: then memory is traded for
 * speed, for good.
 */
import { setFlagsFromString } from 'node:v8';

const LOOK_EVERY_MS = 500;
/** Of a core. Processor time and not the time that the event loop was busy: on a machine that others keep busy an idle process looks busy too. */
const BUSY = 0.1;
const VERY_BUSY = 0.5;
/** Looks in a row, of which a very busy one counts twice: what is loaded late, like a client at its first use, is over before. */
const LASTING = 8;

/** Milliseconds of processor time so far. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** For who is about to make garbage by the megabyte while somebody waits. */
export const fullSpeed = (): void => setFlagsFromString('--no-optimize-for-size');

/**
 * For who takes in a state of hundreds of megabytes that stays. V8 would let the heap double before it collects what is garbage; so it is
 * let grow by two fifths: a tenth more processor time while the state is read, and a third less memory from then on.
 */
export const holdsMuch = (): void => {
  fullSpeed();
  setFlagsFromString('--heap-growing-percent=40');
};

/** Looks for busy seconds from now on; call when the code is loaded. */
export function fullSpeedWhenBusy(onBusy: () => void = fullSpeed, used: () => number = cpuTime): NodeJS.Timeout {
  let before = { at: performance.now(), used: used() };
  let busy = 0;
  const looking = setInterval(() => {
    const now = { at: performance.now(), used: used() };
    const share = (now.used - before.used) / (now.at - before.at);
    busy = share > BUSY ? busy + (share > VERY_BUSY ? 2 : 1) : 0;
    before = now;
    if (busy < LASTING) return;
    clearInterval(looking);
    onBusy();
  }, LOOK_EVERY_MS).unref();
  return looking;
}
