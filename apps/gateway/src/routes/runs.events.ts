import { Readable } from 'node:stream';
import { runsEvents } from '@convergence/contracts';
import type { Handle } from '../forward.ts';
import { type RunOwners, whoeverHasIt } from '../whoever-has-it.ts';
import { queuedRun } from './runs.get.ts';

/** Nobody tells of a run before it is admitted: who watches is told that it waits, and comes back until it has gone. */
const COMES_BACK_MS = 5_000;

export const runsEventsRoute = (tools: RunOwners): Handle =>
  whoeverHasIt(runsEvents, tools, async (call, scheduler) => {
    const run = JSON.stringify(await queuedRun(call, scheduler));
    return {
      headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' },
      // Without an id, so that whoever comes back is given all events.
      body: Readable.from([`retry: ${COMES_BACK_MS}\n\nevent: run\ndata: ${run}\n\n`]),
    };
  });
