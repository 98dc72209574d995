/** The published per-window limits, kept only while limits are switched on; all by the virtual clock. */
import type { Control } from '../control/index.ts';
import { ApiError } from './errors.ts';

export class RateLimits {
  readonly #control: Control;
  readonly #windows = new Map<string, number[]>();
  constructor(control: Control) {
    this.#control = control;
  }

  request(caller: string, method: string): void {
    this.#admit(
      `request ${caller} ${method}`,
      100,
      1000,
      () =>
        new ApiError(
          'rateLimitExceeded',
          'Exceeded rate limits: too many api requests per user per method for this user_method. For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas',
        ),
    );
  }
  dml(table: string): void {
    this.#admit(
      `dml ${table}`,
      25,
      10_000,
      () =>
        new ApiError(
          'rateLimitExceeded',
          'Exceeded rate limits: too many table dml insert operations for this table. For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas',
        ),
    );
  }
  datasetUpdate(dataset: string): void {
    this.#admit(
      `dataset ${dataset}`,
      5,
      10_000,
      () =>
        new ApiError(
          'rateLimitExceeded',
          'Exceeded rate limits: too many dataset metadata update operations for this dataset. For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas',
        ),
    );
  }
  tableUpdate(table: string): void {
    this.#admit(
      `table ${table}`,
      5,
      10_000,
      () =>
        new ApiError(
          'rateLimitExceeded',
          'Exceeded rate limits: too many table update operations for this table. For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas',
        ),
    );
  }

  #admit(key: string, most: number, windowMs: number, refusal: () => ApiError): void {
    if (!this.#control.limits.on) return;
    const now = this.#control.clock.now();
    const times = (this.#windows.get(key) ?? []).filter((at) => at > now - windowMs);
    if (times.length >= most) throw refusal();
    times.push(now);
    this.#windows.set(key, times);
    if (this.#windows.size > 10_000) this.#windows.clear();
  }
}
