/**
 * How often a tenant may ask for execution: so many requests a minute, counted per gateway instance.
 * Announced on every limited answer by `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), and by
 * `Retry-After` on a refusal.
 */
import { Refusal, type TenantId } from '@convergence/contracts';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

const WINDOW_SECONDS = 60;

export class RateLimit {
  readonly #limiter: RateLimiterMemory;
  readonly #perMinute: number;

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
    this.#limiter = new RateLimiterMemory({ points: perMinute, duration: WINDOW_SECONDS });
  }

  async take(tenant: TenantId, setHeader: (name: string, value: string) => void): Promise<void> {
    setHeader('RateLimit-Policy', `"execution";q=${this.#perMinute};w=${WINDOW_SECONDS}`);
    try {
      announce(await this.#limiter.consume(tenant), setHeader);
    } catch (state) {
      if (!(state instanceof RateLimiterRes)) throw state;
      announce(state, setHeader);
      const seconds = secondsLeft(state);
      throw new Refusal('quota.rate_exceeded', `Rate limit exceeded. Try again in ${seconds} seconds.`, {
        retryAfterSeconds: seconds,
        fields: { tenant_id: tenant, customer_id: tenant },
      });
    }
  }
}

const secondsLeft = (state: RateLimiterRes): number => Math.max(1, Math.ceil(state.msBeforeNext / 1000));

function announce(state: RateLimiterRes, setHeader: (name: string, value: string) => void): void {
  setHeader('RateLimit', `"execution";r=${Math.max(0, state.remainingPoints)};t=${secondsLeft(state)}`);
}
