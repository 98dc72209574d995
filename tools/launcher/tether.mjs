/**
 * Preloaded into every child of the launcher: when the launcher is gone, however it died, the child ends itself.
 * File descriptor 3 is a pipe that only the launcher holds open; it ends when the launcher does.
 */
import { Socket } from 'node:net';

const tether = new Socket({ fd: 3, readable: true, writable: false });
tether.on('error', () => {});
tether.on('close', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(1), 8000).unref();
});
tether.resume();
tether.unref();
