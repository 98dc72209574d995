/**
 * Preloaded into every child of the launcher: when the launcher is gone, however it died, the child ends itself.
 * File descriptor 3 is a pipe that only the launcher holds open; it ends when the launcher does.
 *
 * It also writes the cache of compiled code, in the first second that the child has nothing to do: it stands still for a second
 * meanwhile, and left to the end, Ctrl-C would wait for that.
 */
import { flushCompileCache } from 'node:module';
import { Socket } from 'node:net';

const tether = new Socket({ fd: 3, readable: true, writable: false });
tether.on('error', () => {});
tether.on('close', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(1), 8000).unref();
});
tether.resume();
tether.unref();

const LOADED_MS = 20_000;
const LOOK_EVERY_MS = 1000;
/** Of processor time between two looks. */
const IDLE_MICROSECONDS = 50_000;

setTimeout(() => {
  let before = process.cpuUsage();
  const looking = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    if (user + system > IDLE_MICROSECONDS) return;
    clearInterval(looking);
    flushCompileCache();
  }, LOOK_EVERY_MS).unref();
}, LOADED_MS).unref();
