export interface Retry {
  readonly maxAttempts: number;
  readonly backoffSeconds: number;
  readonly multiplier: number;
}

/** Milliseconds before the attempt after `attempt`: exponential, half of it jitter, at most ten minutes. */
export function backoffMs(retry: Retry, attempt: number, random: number): number {
  const full = Math.min(retry.backoffSeconds * retry.multiplier ** (attempt - 1), 600) * 1000;
  return Math.round(full / 2 + (full / 2) * random);
}
