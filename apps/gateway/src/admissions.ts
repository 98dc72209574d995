/**
 * Asks the owner of quotas whether runs may start, many runs in one call.
 *
 * 1. While a call is on its way the next requests gather; at low load nothing waits, at high load calls grow, not their number.
 * 2. Every caller gets the decision on its own run, or the failure of the call that carried it.
 * 3. A call may be repeated: admission is idempotent by run id. One that is refused as a whole is asked again run by run, so
 * that nobody fails for a run of somebody else.
 */
import { type AdmissionDecision, type AdmitResponse, type RunSpec, type TenantId, Transient } from '@convergence/contracts';
import type { Owners } from './owners.ts';

export type Admit = (run: RunSpec) => Promise<AdmissionDecision>;

const BATCH = 500;
/** Calls on their way at once: one being decided, one being journalled. */
const CALLS = 2;

interface Waiting {
  readonly run: RunSpec;
  readonly resolve: (decision: AdmissionDecision) => void;
  readonly reject: (error: unknown) => void;
}

export function admissions(owners: Owners): Admit {
  const waiting: Waiting[] = [];
  let calls = 0;

  const next = (): void => {
    if (calls >= CALLS || waiting.length === 0) return;
    const batch = waiting.splice(0, BATCH);
    calls++;
    void ask(batch).finally(() => {
      calls--;
      next();
    });
  };

  async function ask(batch: readonly Waiting[]): Promise<void> {
    try {
      const client = owners.of('tenant-service', batch[0]?.run.tenant_id as TenantId);
      const { decisions } = await client.call<AdmitResponse>({
        method: 'POST',
        path: '/internal/admissions',
        principal: { kind: 'service', service: 'gateway' },
        body: { runs: batch.map(({ run }) => run) },
        idempotent: true,
        timeoutMs: 10_000,
      });
      const byRun = new Map(decisions.map((decision) => [decision.run_id, decision]));
      for (const { run, resolve, reject } of batch) {
        const decision = byRun.get(run.run_id);
        if (decision) resolve(decision);
        else reject(new Transient(`No decision came back on run ${run.run_id}.`));
      }
    } catch (error) {
      if (batch.length > 1 && !(error instanceof Transient)) await Promise.all(batch.map((one) => ask([one])));
      else for (const { reject } of batch) reject(error);
    }
  }

  return (run) =>
    new Promise((resolve, reject) => {
      waiting.push({ run, resolve, reject });
      // All that arrive in this turn of the loop go together.
      if (waiting.length === 1) setImmediate(next);
    });
}
