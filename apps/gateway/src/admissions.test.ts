import { type AdmitRequest, type AdmitResponse, Refusal, type RunSpec, Transient } from '@convergence/contracts';
import type { InternalClient } from '@convergence/service';
import { describe, expect, test } from '@jest/globals';
import { admissions } from './admissions.ts';
import { oneCell } from './owners.ts';

const run = (id: number) => ({
  run: { run_id: `run-${id}`, tenant_id: 'acme_corp' } as RunSpec,
  by: { kind: 'admin', userId: `user-${id}` } as const,
});
function given(answer: (request: AdmitRequest) => Promise<AdmitResponse>) {
  const batches: number[] = [];
  const asked_by: AdmitRequest['asked_by'] = {};
  const client = {
    call: ({ body }: { body: AdmitRequest }) => {
      batches.push(body.runs.length);
      Object.assign(asked_by, body.asked_by);
      return answer(body);
    },
  } as unknown as InternalClient;
  return {
    batches,
    asked_by,
    admit: admissions(oneCell({ 'tenant-service': client, 'scheduler-service': client, 'executor-service': client })),
  };
}
const admitted = async ({ runs }: AdmitRequest): Promise<AdmitResponse> => ({
  decisions: runs.map(({ run_id }) => ({ run_id, outcome: 'admitted', admitted_at: '2026-01-01T00:00:00Z' })),
});

describe('admissions', () => {
  test('what is asked together goes in few calls and everybody gets the answer on its own run', async () => {
    const { admit, batches } = given(admitted);
    const decisions = await Promise.all(Array.from({ length: 1200 }, (_, n) => admit(run(n))));
    expect(decisions.map(({ run_id }) => run_id)).toEqual(Array.from({ length: 1200 }, (_, n) => `run-${n}`));
    expect(batches).toEqual([500, 500, 200]);
  });

  test('says of each run who wants it', async () => {
    const { admit, asked_by } = given(admitted);
    await Promise.all([admit(run(1)), admit(run(2))]);
    expect(asked_by).toEqual({ 'run-1': run(1).by, 'run-2': run(2).by });
  });

  test('what comes while calls are on their way is asked afterwards', async () => {
    const { admit, batches } = given(admitted);
    await admit(run(1));
    await admit(run(2));
    expect(batches).toEqual([1, 1]);
  });

  test('a call that could not be made fails its runs only', async () => {
    let calls = 0;
    const { admit } = given((request) => (++calls === 1 ? Promise.reject(new Transient('away')) : admitted(request)));
    await expect(Promise.all([admit(run(1)), admit(run(2))])).rejects.toThrow('away');
    expect(await admit(run(3))).toMatchObject({ outcome: 'admitted' });
  });

  test('a run that makes the whole call fail does not fail the others', async () => {
    const poison = (request: AdmitRequest) =>
      request.runs.some(({ run_id }) => run_id === 'run-2') ? Promise.reject(new Refusal('tenant.not_found', 'gone')) : admitted(request);
    const { admit } = given(poison);
    const outcomes = await Promise.allSettled([1, 2, 3].map((n) => admit(run(n))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('a missing decision is "not now", never a silent wait', async () => {
    const { admit } = given(async () => ({ decisions: [] }));
    await expect(admit(run(1))).rejects.toMatchObject({ name: 'Transient' });
  });
});
