import { Refusal } from '@convergence/contracts';
import { newRecord } from '@convergence/runs';
import type { EventHandler } from '@convergence/service';
import { describe, expect, test } from '@jest/globals';
import { LiveEvents } from '../index/live-events.ts';
import { RunIndex } from '../index/run-index.ts';
import type { Heard, Recorded } from '../record/recorder.ts';
import { onRunCancelled } from './run-cancelled.ts';
import { indexAdmitted, indexCompleted, indexProgress } from './run-indexed.ts';
import { ignoreHeartbeat, recordAdmitted, recordCancelled, recordCompleted, recordProgress } from './run-recorded.ts';
import { onTenantChanged } from './tenant-changed.ts';

const identity = { run_id: '00000000-0000-4000-8000-000000000001', tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-x' };
const at = '2026-01-01T00:00:00.000Z';
const requested = { ...identity, provider: 'gcp', domain: 'cost', template: 'x', admitted_at: at };
const report = { ...identity, sequence: 1, at, admitted_at: at, kind: 'started', step: null, template_version: 1, template_hash: 'h' };
const progress = { executor: 'one', reports: [report] };
const completed = { ...identity, sequence: 2, status: 'COMPLETE', admitted_at: at, started_at: at, ended_at: at, error: null };
const tell = (handler: EventHandler, data: object) => handler.handle([{ data }] as never);

describe('what this service hears', () => {
  test('run-admitted, run-progress and run-completed move its own memory of the run on', async () => {
    const parts = { index: new RunIndex(10), live: new LiveEvents(() => 0) };
    await tell(indexAdmitted(parts), requested);
    expect(parts.index.get(identity.run_id)).toMatchObject({ status: 'PENDING', spec: { template: 'x' } });
    await tell(indexProgress(parts), progress);
    expect(parts.index.get(identity.run_id)).toMatchObject({ status: 'RUNNING', template_version: 1 });
    await tell(indexCompleted(parts), completed);
    expect(parts.index.get(identity.run_id)).toMatchObject({ status: 'COMPLETE', ended_at: at });
  });

  test('the recorder writes run-admitted, run-progress, run-cancelled and run-completed; a heartbeat is nothing to write', async () => {
    const recorded: Recorded['kind'][] = [];
    const recorder = { record: async (heard: readonly Recorded[]) => void recorded.push(...heard.map((h) => h.kind)) } as never;
    await tell(recordAdmitted({ recorder }), requested);
    await tell(recordProgress({ recorder }), progress);
    await tell(recordCancelled({ recorder }), { ...identity, reason: 'by me', admitted_at: at });
    // One of a version that did not say when it was admitted has no row to go to.
    await tell(recordCancelled({ recorder }), { ...identity, reason: 'by me' });
    await tell(recordCompleted({ recorder }), completed);
    await tell(ignoreHeartbeat(), {});
    expect(recorded).toEqual(['requested', 'progress', 'cancelled', 'completed']);
  });

  test('a message whose row is refused is quarantined, the others of its batch are done; what is away is for all of them', async () => {
    let error: Error = new Refusal('request.invalid', 'The row of run 2 can not be written');
    const record = async ([heard]: readonly Heard[]) => {
      if (heard?.data.pipeline_id === 'bad') throw error;
    };
    const told = () =>
      recordCompleted({ recorder: { record } as never }).handle(
        ['good', 'bad', 'good'].map((pipeline_id) => ({ data: { pipeline_id } })) as never,
      );
    const done = { outcome: 'done' };
    expect(await told()).toEqual([done, { outcome: 'quarantine', reason: error.message }, done]);
    error = new Error('away');
    await expect(told()).rejects.toBe(error);
  });

  test('run-cancelled reaches the worker with its reason; tenant-changed forgets what was remembered of the tenant', async () => {
    const heard: string[] = [];
    const index = new RunIndex(10);
    index.add(newRecord(identity, at));
    await tell(onRunCancelled({ worker: { cancel: (...a: string[]) => heard.push(...a) } as never, index }), {
      ...identity,
      reason: 'by me',
    });
    expect(index.get(identity.run_id)?.cancel_reason).toBe('by me');
    const contexts = { of: async () => Promise.reject(), forget: (id: string) => void heard.push(id) };
    const lately = { forget: (id: string) => void heard.push(id) } as never;
    await tell(onTenantChanged({ contexts, lately }), { tenant_id: 'acme' });
    expect(heard).toEqual([identity.run_id, 'by me', 'acme', 'acme']);
  });
});
