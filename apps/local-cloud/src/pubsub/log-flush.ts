/**
 * Brings SQLite's write-ahead log to the disk while nobody waits for it. A checkpoint waits for all of the log on the one thread that there
 * is: tens of megabytes that only lay in memory held everything up for a tenth of a second, and for seconds on a busy disk.
 *
 * 1. What was committed is on its way to the disk a moment later. 2. One flush at a time, none when nothing was committed.
 */
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const MOMENT_MS = 250;
type LogFile = Pick<FileHandle, 'datasync' | 'close'>;

export class LogFlush {
  readonly #open: () => Promise<LogFile>;
  readonly #onFailure: (error: unknown) => void;
  readonly #moment: () => Promise<unknown>;
  #file: LogFile | undefined;
  #committed = false;
  #flushing: Promise<void> | undefined;

  constructor(
    opening: () => Promise<LogFile>,
    onFailure: (error: unknown) => void,
    moment: () => Promise<unknown> = () => sleep(MOMENT_MS),
  ) {
    this.#open = opening;
    this.#onFailure = onFailure;
    this.#moment = moment;
  }

  committed(): void {
    this.#committed = true;
    this.#flushing ??= this.#flush()
      .catch(this.#onFailure)
      .finally(() => {
        this.#flushing = undefined;
      });
  }

  async #flush(): Promise<void> {
    while (this.#committed) {
      await this.#moment();
      this.#committed = false;
      this.#file ??= await this.#open();
      await this.#file.datasync();
    }
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file?.close();
  }
}
