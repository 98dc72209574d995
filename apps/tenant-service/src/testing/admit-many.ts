/**
 * A process that asks for many admissions at once, each run in a request of its own, repeated until it is answered: as a gateway does
 * while the owner changes. Prints how often each outcome came.
 *
 *   node admit-many.ts <url> <signing key> <tenant> <count> <name>
 */

import { createHash, randomUUID } from 'node:crypto';
import type { AdmitResponse } from '@convergence/contracts';
import { internalClient, TokenSigner } from '@convergence/service';
import { sampleRun } from '@convergence/testing';

const [url = '', key = '', tenant = '', count = '0', name = ''] = process.argv.slice(2);
const client = internalClient({
  target: 'tenant-service',
  baseUrl: url,
  signer: new TokenSigner('gateway', { keys: [key] }),
  timeoutMs: 20_000,
});
const outcomes: Record<string, number> = {};

async function admit(n: number): Promise<void> {
  const run_id = randomUUID();
  const run = sampleRun(n, {
    run_id,
    tenant_id: tenant,
    pipeline_id: `${tenant}-gcp-cost-x`,
    template: 'x',
    parameters_hash: createHash('sha256').update(`${name} ${n}`).digest('hex'),
  });
  for (;;) {
    try {
      const body = { runs: [run] };
      const { decisions } = await client.call<AdmitResponse>({
        method: 'POST',
        path: '/internal/admissions',
        principal: { kind: 'service', service: 'gateway' },
        body,
        idempotent: true,
      });
      const outcome = decisions[0]?.outcome ?? 'none';
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

await Promise.all(Array.from({ length: Number(count) }, (_, n) => admit(n)));
console.log(JSON.stringify(outcomes));
