/** A message that is out with a subscriber or waits to go again, who may have it, and what a backlog asks of its surroundings. */
import type { Pending } from './segment.ts';

/** A stream or a single Pull that messages are handed to. */
export interface Consumer {
  readonly leaseMs: number;
  /** Lines with entries waiting for this very consumer. Owned by the backlog. */
  readonly lines: Set<Line>;
  wants(): boolean;
  leased(bytes: number): void;
  settled(bytes: number): void;
}

export interface Delivery {
  readonly pending: Pending;
  readonly index: number;
  readonly seq: number;
  readonly bytes: number;
  readonly line: Line | null;
  state: 'leased' | 'acked' | 'waiting';
  lease: number;
  deadline: number;
  failures: number;
  consumer: Consumer | null;
}

/** The messages of one ordering key that were met and are not gone. */
export interface Line {
  readonly key: string;
  readonly entries: Delivery[];
  /** Entries before this index are leased or acked, the others wait. */
  delivered: number;
  /** In back-off. */
  blocked: boolean;
  holder: Consumer | null;
  listedIn: Set<Line> | null;
}

export interface Settings {
  readonly ordered: boolean;
  readonly exactlyOnce: boolean;
  readonly retry: { readonly minMs: number; readonly maxMs: number } | null;
  readonly maxAttempts: number | null;
}

export interface Host {
  settings: Settings;
  bytesOf(pending: Pending): Buffer;
  nextLease(): number;
  /** A bit of it was cleared. */
  changed(pending: Pending): void;
  /** `failures` of an unacked message, to be remembered across restarts. */
  failed(delivery: Delivery): void;
  /** Exactly-once only: its lease began, moved or ended; to be remembered across restarts. */
  leaseChanged(delivery: Delivery): void;
  /** Forwards to the dead-letter topic; false when that is not possible now. */
  deadLetter(delivery: Delivery): boolean;
}

/** `unordered`: with exactly-once delivery and ordering, an earlier message of the key is not acked yet. */
export type Outcome = 'ok' | 'invalid' | 'unordered';
