/**
 * The messages of one ordering key that were met and are not gone: a line. Pure, part of a backlog; its rules 4 and 5 are kept here.
 *
 * 1. A line is a run of delivered entries (leased, or acked behind a leased one) followed by a run of waiting ones.
 * 2. While entries are delivered the line belongs to the consumer that has them; only it gets the next ones.
 * 3. A line with waiting entries is listed where the consumer that may serve it looks, and nowhere while it is in back-off.
 */
import type { Consumer, Delivery, Line } from './delivery.ts';

/** Ordered messages put aside for another consumer; beyond this the scan waits for that consumer. */
const MAX_PARKED = 20_000;
/** Holds the lines of leases from before a restart: nobody is served from it. */
const BEFORE_RESTART: Consumer = { leaseMs: 0, lines: new Set(), wants: () => false, leased: () => {}, settled: () => {} };

export class OrderingLines {
  readonly #byKey = new Map<string, Line>();
  readonly #free = new Set<Line>();
  /** How many entries wait. */
  #parked = 0;

  get full(): boolean {
    return this.#parked >= MAX_PARKED;
  }

  of(key: string): Line {
    let line = this.#byKey.get(key);
    if (line === undefined) {
      line = { key, entries: [], delivered: 0, blocked: false, holder: null, listedIn: null };
      this.#byKey.set(key, line);
    }
    return line;
  }

  /** A message met for the first time, at the end of its line. True: it may go out to `consumer` at once, and counts as delivered. */
  admit(line: Line, delivery: Delivery, consumer: Consumer): boolean {
    line.entries.push(delivery);
    if (line.blocked || line.delivered < line.entries.length - 1 || (line.holder !== null && line.holder !== consumer)) {
      this.#parked++;
      this.enlist(line);
      return false;
    }
    line.delivered++;
    line.holder = consumer;
    return true;
  }

  /** A message that is leased from before a restart. */
  restore(line: Line, delivery: Delivery): void {
    line.entries.push(delivery);
    line.delivered++;
    line.holder = BEFORE_RESTART;
  }

  /** Hands waiting entries of the lines that `consumer` may serve to `lease`, while there is `room`. */
  serve(consumer: Consumer, room: () => boolean, lease: (delivery: Delivery) => void): void {
    for (const lines of [consumer.lines, this.#free]) {
      for (const line of lines) {
        while (line.delivered < line.entries.length && room()) {
          const entry = line.entries[line.delivered++]!;
          line.holder = consumer;
          this.#parked--;
          lease(entry);
        }
        this.enlist(line);
        if (!room()) {
          return;
        }
      }
    }
  }

  /** A delivered entry failed: it and all after it, acked ones too, wait again. Each is given to `unlease`. */
  rewind(line: Line, failed: Delivery, unlease: (delivery: Delivery) => void): void {
    const from = line.entries.indexOf(failed);
    for (let i = from; i < line.delivered; i++) {
      const entry = line.entries[i]!;
      unlease(entry);
      entry.state = 'waiting';
      this.#parked++;
    }
    line.delivered = from;
  }

  /** An entry is done with. What leaves the line by that is given to `release`: itself, and acked ones that waited behind it. */
  leave(line: Line, delivery: Delivery, release: (delivery: Delivery) => void): void {
    const at = line.entries.indexOf(delivery);
    if (at >= line.delivered) {
      // Not delivered at present: nothing before it can hold it back.
      line.entries.splice(at, 1);
      this.#parked--;
      release(delivery);
    } else {
      delivery.state = 'acked';
      while (line.delivered > 0 && line.entries[0]!.state === 'acked') {
        release(line.entries.shift()!);
        line.delivered--;
      }
    }
    this.enlist(line);
  }

  /** Puts a line where the consumer that may serve it looks, or nowhere; forgets it when it is empty. */
  enlist(line: Line): void {
    if (line.delivered === 0) {
      line.holder = null;
    }
    const target = line.blocked || line.delivered === line.entries.length ? null : (line.holder?.lines ?? this.#free);
    if (line.listedIn !== target) {
      line.listedIn?.delete(line);
      target?.add(line);
      line.listedIn = target;
    }
    if (line.entries.length === 0) {
      this.#byKey.delete(line.key);
    }
  }

  clear(): void {
    for (const line of this.#free) {
      line.listedIn = null;
    }
    this.#byKey.clear();
    this.#free.clear();
    this.#parked = 0;
  }
}
