/**
 * Asks the owner of quotas whether runs may start, many runs in one call (libs/service/src/gather.ts). A call may be repeated:
 * admission is idempotent by run id.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AdmissionDecision,
  type AdmitRequest,
  type AdmitResponse,
  type Principal,
  type RunSpec,
  type TenantId,
  Transient,
} from '@convergence/contracts';
import { gather } from '@convergence/service';
import type { Owners } from './owners.ts';

export interface Asked {
  readonly run: RunSpec;
  /** Named in the audit trail. */
  readonly by: Principal;
  /** What its client named it. */
  readonly command?: string | undefined;
}
export type Admit = (asked: Asked) => Promise<AdmissionDecision>;

const BATCH = 500;
/** Calls on their way at once: one being decided, one being journalled. */
const CALLS = 2;
/** A call, its decision and their place in the journal cost the same for one run and for ten. */
const MOMENT_MS = 10;

export function admissions(owners: Owners): Admit {
  async function decisionsOn(asked: readonly Asked[]): Promise<(() => AdmissionDecision)[]> {
    const runs = asked.map(({ run }) => run);
    const body: AdmitRequest = {
      runs,
      asked_by: Object.fromEntries(asked.map(({ run, by }) => [run.run_id, by])),
      commands: Object.fromEntries(asked.flatMap(({ run, command }) => (command === undefined ? [] : [[run.run_id, command]]))),
    };
    const { decisions } = await owners.of('tenant-service', runs[0]?.tenant_id as TenantId).call<AdmitResponse>({
      method: 'POST',
      path: '/internal/admissions',
      principal: { kind: 'service', service: 'gateway' },
      body,
      idempotent: true,
      timeoutMs: 10_000,
    });
    const byRun = new Map(decisions.map((decision) => [decision.run_id, decision]));
    return runs.map(({ run_id }) => () => {
      const decision = byRun.get(run_id);
      if (!decision) throw new Transient(`No decision came back on run ${run_id}.`);
      return decision;
    });
  }

  async function decisionOn(asked: Asked): Promise<AdmissionDecision> {
    const [decision] = await decisionsOn([asked]);
    return (decision as () => AdmissionDecision)();
  }

  return gather({ together: decisionsOn, alone: decisionOn, most: BATCH, calls: CALLS, moment: () => sleep(MOMENT_MS) });
}
