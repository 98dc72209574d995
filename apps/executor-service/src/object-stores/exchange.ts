/**
 * Requests to a tenant's cloud, and what is worth another try.
 *
 * 1. A provider that is busy or away is waited for in place, so that one object of thousands does not start the step again; not for ever.
 * 2. It is believed when it says how long. 3. No redirect is followed: credentials go where we send them. 4. Nothing of a request is in a message.
 */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Clock } from '@convergence/ports';
import { StepFailure, type StoredObject } from '@convergence/steps';

const TRIES = 5;
const LONGEST_WAIT_SECONDS = 120;

/** How a store reaches its provider. */
export interface Line {
  /** `Amazon S3`, in messages. */
  readonly to: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
}

export async function send(line: Line, url: URL, init: RequestInit, signal: AbortSignal): Promise<Response> {
  try {
    return await line.fetch(url, { ...init, redirect: 'manual', signal });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof StepFailure) throw cause;
    throw away(`${line.to} can not be reached.`, { cause });
  }
}

export const away = (
  message: string,
  options: { readonly cause?: unknown; readonly retryAfterSeconds?: number | undefined } = {},
): StepFailure =>
  new StepFailure('source_not_ready', 'object.unreachable', message, {
    hint: 'It is tried again by itself.',
    transient: true,
    ...given(options),
  });

/** 429 and 5xx, and what S3 says in other words. */
export function busy(line: Line, response: Response, code: string | undefined): StepFailure | undefined {
  const { status } = response;
  const retryAfterSeconds = secondsOf(response.headers.get('retry-after'), line.clock.now());
  if (status === 429 || /^(SlowDown|ServerBusy|Throttl|RequestLimitExceeded|TooManyRequests)/.test(code ?? ''))
    return new StepFailure('rate_limit', 'object.rate_limit', `${line.to} limits the rate of requests.`, {
      hint: 'It is tried again by itself.',
      transient: true,
      ...given({ retryAfterSeconds }),
    });
  return status >= 500 || code === 'RequestTimeout' ? away(`${line.to} answered ${status}.`, { retryAfterSeconds }) : undefined;
}

function secondsOf(after: string | null, now: number): number | undefined {
  if (after === null) return undefined;
  const seconds = /^\d+$/.test(after) ? Number(after) : Math.ceil((Date.parse(after) - now) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

const given = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };

/** Tries again what may pass by itself; what is asked again must end the same. */
export async function patiently<T>(line: Line, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (failure) {
      if (!(failure instanceof StepFailure && failure.transient && WAITED_FOR.has(failure.code)) || attempt >= TRIES) throw failure;
      const seconds = failure.retryAfterSeconds ?? 2 ** (attempt - 1);
      if (seconds > LONGEST_WAIT_SECONDS) throw failure;
      await line.clock.sleep(seconds * 1000, signal);
    }
  }
}
const WAITED_FOR = new Set(['object.unreachable', 'object.rate_limit', 'object.cut_short']);

/** All of the text, or another try. */
export async function textFrom(line: Line, response: Response, signal: AbortSignal): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    signal.throwIfAborted();
    throw cutShort(line, 'an answer', cause);
  }
}

/** An object into a file, whole. */
export async function save(line: Line, response: Response, object: StoredObject, path: string, signal: AbortSignal): Promise<void> {
  const file = createWriteStream(path);
  try {
    await pipeline(response.body ? Readable.fromWeb(response.body as ReadableStream) : Readable.from([]), file, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    // Of this machine's disk.
    if (['open', 'write'].includes((cause as { syscall?: string }).syscall ?? '')) throw cause;
    throw cutShort(line, object.name, cause);
  }
  // What was stored with a Content-Encoding is unpacked on the way.
  if (!response.headers.has('content-encoding') && file.bytesWritten !== object.bytes) throw cutShort(line, object.name);
}

export const cutShort = (line: Line, what: string, cause?: unknown): StepFailure =>
  new StepFailure('source_not_ready', 'object.cut_short', `${line.to} broke off within ${what}.`, {
    hint: 'It is tried again by itself.',
    transient: true,
    cause,
  });
