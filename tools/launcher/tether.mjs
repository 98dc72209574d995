/**
 * Preloaded into every child of the launcher: when the launcher is gone, however it died, the child ends itself.
 * File descriptor 3 is a pipe that only the launcher holds open; it ends when the launcher does.
 *
 * It also writes the cache of compiled code once the child has settled and has nothing to do: that takes up to a second in which it
 * answers nobody, and left to the end, Ctrl-C would wait for it.
 */
import { flushCompileCache } from 'node:module';
import { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

const tether = new Socket({ fd: 3, readable: true, writable: false });
tether.on('error', () => {});
tether.on('close', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(1), 8000).unref();
});
tether.resume();
tether.unref();

const SETTLED_MS = 20_000;
const IDLE = 0.1;
let before = performance.eventLoopUtilization();
const settling = setInterval(() => {
  const { utilization } = performance.eventLoopUtilization(before);
  before = performance.eventLoopUtilization();
  if (utilization > IDLE) return;
  clearInterval(settling);
  flushCompileCache();
}, SETTLED_MS).unref();
