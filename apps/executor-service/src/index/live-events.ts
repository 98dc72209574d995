/**
 * A run's events as a stream, for who watches it.
 *
 * 1. Whoever comes back with the id of the last event seen gets everything that came after it here; from an instance that does not know that
 * event, or did not hear the run from its request on, how each step stands and whatever is not surely older. An event may come twice, none is lost.
 * 2. The stream ends after the run's end was sent. 3. Nothing is kept for who looks at a run that ended long ago.
 */
import { Readable } from 'node:stream';
import type { RunStep } from '@convergence/contracts';
import { hasEnded, type RunRecord } from '@convergence/runs';
import type { Heard } from '../record/recorder.ts';
import { runView, stepView } from './run-view.ts';

interface Entry {
  readonly id: number;
  readonly event: string;
  readonly data: string;
}
interface Feed {
  readonly entries: Entry[];
  readonly watchers: Set<(entry: Entry) => void>;
  endedAt: number | undefined;
}

const KEEP_ENDED_MS = 10 * 60_000;
/** Clocks of two workers differ at most by so much. */
const OVERLAP = 10_000;
const KEEP_ALIVE_MS = 15_000;
const END_WAITS_MS = 250;

export class LiveEvents {
  readonly #feeds = new Map<string, Feed>();
  readonly #now: () => number;
  #sweptAt = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#feeds.size;
  }

  hear(heard: Heard, record: RunRecord): void {
    const feed = this.#feed(record.run_id);
    if (heard.kind === 'requested') this.#add(feed, { id: 0, event: 'run', data: JSON.stringify(runView(record)) });
    else if (heard.kind === 'progress') {
      const { sequence, step } = heard.data;
      if (feed.entries.some((entry) => entry.id === sequence)) return;
      const known = step && record.steps.get(step.step_id);
      const data = step ? JSON.stringify(known?.sequence === sequence ? stepView(known) : step) : JSON.stringify(runView(record));
      this.#add(feed, { id: sequence, event: step ? 'step' : 'run', data });
    } else this.ended(record, heard.data.sequence);
  }

  /** Ends and steps come by different ways: what the last step did may arrive a moment later, and belongs before. */
  ended(record: RunRecord, sequence: number): void {
    const feed = this.#feed(record.run_id);
    if (feed.endedAt !== undefined) return;
    feed.endedAt = this.#now();
    setTimeout(() => {
      this.#add(feed, { id: sequence, event: 'end', data: JSON.stringify(runView(record)) });
      this.#sweep();
    }, END_WAITS_MS).unref();
  }

  /** Whether the events here may not be all that whoever comes has not seen. */
  needsStanding(record: RunRecord, lastEventId: number | undefined): boolean {
    return !record.whole && !this.#feeds.get(record.run_id)?.entries.some((entry) => entry.id === lastEventId);
  }

  /** `standing`: the steps of a run whose events are not all here. */
  stream(record: RunRecord, lastEventId: number | undefined, signal: AbortSignal, standing: readonly RunStep[] = []): Readable {
    const feed = hasEnded(record.status) ? (this.#feeds.get(record.run_id) ?? newFeed()) : this.#feed(record.run_id);
    const stream = new Readable({ read() {} });
    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      feed.watchers.delete(send);
      clearInterval(alive);
      stream.push(null);
    };
    const send = (entry: Entry) => {
      if (!open) return;
      stream.push(`id: ${entry.id}\nevent: ${entry.event}\ndata: ${entry.data}\n\n`);
      if (entry.event === 'end') close();
    };
    const alive = setInterval(() => stream.push(': still here\n\n'), KEEP_ALIVE_MS);
    signal.addEventListener('abort', close, { once: true });
    stream.once('close', close);
    stream.push('retry: 1000\n\n');
    const missed = missedBy(feed.entries, lastEventId);
    // Whoever comes first sees how things stand, then what happens.
    if ((lastEventId === undefined || standing.length > 0) && !missed.some((entry) => entry.event === 'run'))
      send({ id: lastEventId ?? 0, event: 'run', data: JSON.stringify(runView(record)) });
    for (const step of standing) send({ id: lastEventId ?? 0, event: 'step', data: JSON.stringify(step) });
    for (const entry of missed) send(entry);
    if (open && hasEnded(record.status) && feed.endedAt === undefined)
      send({ id: record.sequence, event: 'end', data: JSON.stringify(runView(record)) });
    if (open) feed.watchers.add(send);
    return stream;
  }

  #feed(runId: string): Feed {
    let feed = this.#feeds.get(runId);
    if (!feed) {
      feed = newFeed();
      this.#feeds.set(runId, feed);
    }
    return feed;
  }
  #add(feed: Feed, entry: Entry): void {
    feed.entries.push(entry);
    for (const watcher of feed.watchers) watcher(entry);
  }
  #sweep(): void {
    const now = this.#now();
    if (now - this.#sweptAt < KEEP_ENDED_MS / 10) return;
    this.#sweptAt = now;
    for (const [runId, feed] of this.#feeds)
      if (feed.endedAt !== undefined && feed.endedAt < now - KEEP_ENDED_MS && feed.watchers.size === 0) this.#feeds.delete(runId);
  }
}

const newFeed = (): Feed => ({ entries: [], watchers: new Set(), endedAt: undefined });

function missedBy(entries: readonly Entry[], lastEventId: number | undefined): readonly Entry[] {
  if (lastEventId === undefined) return entries;
  const at = entries.findLastIndex((entry) => entry.id === lastEventId);
  // Who has seen the end and comes back hears it again: a stream that says nothing would never end.
  if (entries[at]?.event === 'end') return entries.slice(at);
  return at >= 0 ? entries.slice(at + 1) : entries.filter((entry) => entry.id > lastEventId - OVERLAP || entry.event === 'end');
}
