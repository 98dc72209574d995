/** The messages that were never handed out since the start, oldest first: one pass over the bits of the segments, none is met twice. */
import { hasBit, type Pending } from './segment.ts';

/** Segments that were passed are let go in batches of at least this many. */
const PASSED = 64;

export class FreshMessages {
  #pendings: Pending[] = [];
  #at = 0;
  #next = 0;
  /** The message that `advance` came to. */
  pending: Pending | undefined;
  index = 0;

  add(pending: Pending): void {
    this.#pendings.push(pending);
  }

  replace(pendings: readonly Pending[]): void {
    this.#pendings = [...pendings];
    this.#at = 0;
    this.#next = 0;
  }

  /** Goes on to the next message that is not acked; false when there is none now. */
  advance(): boolean {
    for (;;) {
      const pending = this.#pendings[this.#at];
      if (pending === undefined) {
        return false;
      }
      while (this.#next < pending.segment.count && pending.left > 0) {
        const index = this.#next++;
        if (hasBit(pending.bits, index)) {
          this.pending = pending;
          this.index = index;
          return true;
        }
      }
      this.#at++;
      this.#next = 0;
      if (this.#at > PASSED && this.#at * 2 > this.#pendings.length) {
        this.#pendings = this.#pendings.slice(this.#at);
        this.#at = 0;
      }
    }
  }
}
