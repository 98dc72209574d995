import { type Gate, Refusal, Transient, tenantId, type WhyPart } from '@convergence/contracts';
import type { InternalClient } from '@convergence/service';
import { describe, expect, test } from '@jest/globals';
import type { OperationCall } from '../forward.ts';
import { runsWhyRoute } from './runs.why.ts';

const RUN = '00000000-0000-4000-8000-000000000000';
const gate = (name: string): Gate => ({ gate: name, state: 'closed', value: 5, limit: 5, since: null, expected: null, detail: name });
const part = (tenant: string | null, status: string | null, ...gates: string[]): WhyPart => ({
  tenant_id: tenant,
  status,
  gates: gates.map(gate),
});
const nothing = part(null, null);

function asking(answers: Record<string, WhyPart | Error>, tenant = 'acme_corp') {
  const owners = {
    of: (service: string) =>
      ({
        call: async ({ path }: { path: string }) => {
          const older = path === `/internal/runs/${RUN}/why?older=true`;
          if (!older) expect(path).toBe(`/internal/runs/${RUN}/why`);
          const answer = older ? answers.older : answers[service];
          if (answer instanceof Error) throw answer;
          return answer;
        },
      }) as unknown as InternalClient,
  };
  const principal = { kind: 'tenant', tenantId: tenantId(tenant), keyId: 'k', scopes: [] };
  return runsWhyRoute({ owners })({ params: { run_id: RUN }, principal } as unknown as OperationCall);
}

describe('why a run waits', () => {
  test('the gates of all three come in the order in which a run meets them', async () => {
    const { body } = await asking({
      'tenant-service': part('acme_corp', 'PENDING', 'daily_quota', 'concurrency'),
      'scheduler-service': part('acme_corp', 'PENDING', 'queue_position'),
      'executor-service': part('acme_corp', 'RUNNING', 'worker_capacity'),
    });
    expect(body).toMatchObject({ tenant_id: 'acme_corp', status: 'RUNNING', unavailable: [] });
    expect((body as { gates: Gate[] }).gates.map((one) => one.gate)).toEqual([
      'daily_quota',
      'concurrency',
      'queue_position',
      'worker_capacity',
    ]);
  });

  test('who does not answer is named', async () => {
    const { body } = await asking({
      'tenant-service': part('acme_corp', 'PENDING', 'daily_quota'),
      'scheduler-service': new Transient('away'),
      'executor-service': nothing,
    });
    expect(body).toMatchObject({ status: 'PENDING', unavailable: ['scheduler-service'] });
  });

  test('a run that nobody knows, or that another tenant has, is not found', async () => {
    const unknown = {
      'tenant-service': nothing,
      'scheduler-service': new Refusal('run.not_found', 'no'),
      'executor-service': nothing,
      older: nothing,
    };
    await expect(asking(unknown)).rejects.toMatchObject({ code: 'run.not_found' });
    const theirs = { ...unknown, 'tenant-service': part('globex', 'PENDING', 'daily_quota') };
    await expect(asking(theirs)).rejects.toMatchObject({ code: 'run.not_found' });
    expect((await asking(theirs, 'globex')).body).toMatchObject({ tenant_id: 'globex' });
  });

  test('of a run that only the table has any more its end is told', async () => {
    const unknown = { 'tenant-service': nothing, 'scheduler-service': nothing, 'executor-service': nothing };
    const older = part('acme_corp', 'FAILED', 'worker_capacity');
    expect((await asking({ ...unknown, older })).body).toMatchObject({ status: 'FAILED', gates: [{ gate: 'worker_capacity' }] });
    await expect(asking({ ...unknown, older: new Refusal('run.not_found', 'no') })).rejects.toMatchObject({ code: 'run.not_found' });
    await expect(asking({ ...unknown, older: new Transient('away') })).rejects.toMatchObject({ name: 'Transient' });
  });

  test('while somebody who may know it is away, "not found" would be a lie', async () => {
    const answers = { 'tenant-service': new Transient('away'), 'scheduler-service': nothing, 'executor-service': nothing };
    await expect(asking(answers)).rejects.toMatchObject({ name: 'Transient' });
  });
});
