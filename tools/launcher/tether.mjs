/**
 * Preloaded into every child of the launcher: when the launcher is gone, however it died, the child ends itself.
 * File descriptor 3 is a pipe that only the launcher holds open; it ends when the launcher does.
 *
 * It also writes the cache of compiled code once the child has settled: left to the end, Ctrl-C would wait for that.
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

const SETTLED_MS = 20_000;
setTimeout(flushCompileCache, SETTLED_MS).unref();
