import type { Clock } from '@convergence/ports';

const RENEW_MS = 5 * 60_000;

/** What a provider lends for a time (a token, keys), asked for anew five minutes before that ends. */
export function borrowed<T>(
  clock: Pick<Clock, 'now'>,
  borrow: (signal: AbortSignal) => Promise<{ readonly lent: T; readonly until: number }>,
): (signal: AbortSignal) => Promise<T> {
  let held: { readonly lent: T; readonly until: number } | undefined;
  return async (signal) => {
    if (!held || clock.now() >= held.until - RENEW_MS) held = await borrow(signal);
    return held.lent;
  };
}
