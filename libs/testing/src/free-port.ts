/**
 * Ports for processes that are to keep theirs over restarts.
 *
 * 1. Below the range from which systems take ports for outgoing connections: nobody sits on one while its process is down.
 * 2. Test files that run beside each other draw from shares of their own.
 */
import { createServer } from 'node:net';

const SHARE = 5_000;
const SHARES = 4;
let drawn: number | undefined;

/** The first port of this test worker's share, and how many there are. */
export const portShare = (): { readonly first: number; readonly count: number } => ({
  first: 10_000 + (Number(process.env.JEST_WORKER_ID ?? 0) % SHARES) * SHARE,
  count: SHARE,
});

export async function freePort(): Promise<number> {
  const { first, count } = portShare();
  for (;;) {
    // From a random place on, one after the other: what was handed out is not handed out again while its process still starts.
    drawn = ((drawn ?? Math.floor(Math.random() * count)) + 1) % count;
    const port = first + drawn;
    if (await isFree(port)) return port;
  }
}

export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
