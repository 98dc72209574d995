import type { RunStep } from '@convergence/contracts';
import { newRecord } from '@convergence/runs';
import { expect, test } from '@jest/globals';
import type { Heard } from '../record/recorder.ts';
import { LiveEvents } from './live-events.ts';
import { RunIndex } from './run-index.ts';

const identity = { run_id: '00000000-0000-4000-8000-000000000001', tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-x' };
const at = '2026-01-01T00:00:00.000Z';
const step = (sequence: number, status: 'RUNNING' | 'COMPLETE') =>
  ({
    kind: 'progress',
    data: {
      ...identity,
      sequence,
      at,
      admitted_at: at,
      kind: 'step',
      step: { step_id: 's', step_type: 't', status, attempt: 1, rows_processed: null, error: null },
      template_version: null,
      template_hash: null,
    },
  }) as Heard;
const end = (sequence: number) =>
  ({
    kind: 'completed',
    data: {
      ...identity,
      sequence,
      status: 'COMPLETE',
      admitted_at: at,
      started_at: at,
      ended_at: at,
      did_work: true,
      retryable: false,
      error: null,
      trigger_type: 'api',
      scheduled_run_id: null,
    },
  }) as Heard;

function given(standing: RunStep[] = []) {
  const index = new RunIndex(10);
  const live = new LiveEvents(() => 0);
  index.add(newRecord(identity, at));
  const hear = (heard: Heard) => {
    const record = index.hear(heard);
    if (record) live.hear(heard, record);
  };
  const watch = (last?: number) => {
    const abort = new AbortController();
    const record = index.get(identity.run_id)!;
    const stream = live.stream(record, last, abort.signal, live.needsStanding(record, last) ? standing : []);
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const closed = new Promise((resolve) => stream.once('end', resolve));
    return {
      ids: () => [...text.matchAll(/^id: (\d+)$/gm)].map((m) => Number(m[1])),
      text: () => text,
      leave: () => abort.abort(),
      closed,
    };
  };
  return { hear, watch, live };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('whoever comes back with Last-Event-ID gets everything that came after it, also what arrived out of order', async () => {
  const { hear, watch } = given();
  hear(step(5, 'RUNNING'));
  const first = watch();
  hear(step(20, 'COMPLETE'));
  await turn();
  expect(first.ids()).toEqual([0, 5, 20]);
  first.leave();
  hear(step(12, 'RUNNING'));
  hear(step(30, 'COMPLETE'));
  const second = watch(20);
  await turn();
  expect(second.ids()).toEqual([12, 30]);
  second.leave();
});

test('another instance, which never sent that id, repeats rather than loses', async () => {
  const { hear, watch } = given();
  hear(step(50_000, 'RUNNING'));
  hear(step(61_000, 'COMPLETE'));
  const stream = watch(60_500);
  await turn();
  expect(stream.ids()).toEqual([61_000]);
  stream.leave();
});

test('the stream ends after the end, which comes last even when a step is heard of later', async () => {
  const { hear, watch } = given();
  const stream = watch();
  hear(end(40));
  hear(step(30, 'COMPLETE'));
  await stream.closed;
  expect(stream.ids()).toEqual([0, 30, 40]);
});

const before = { step_id: 'before', step_type: 't', status: 'COMPLETE', attempt: 1 } as RunStep;

test('an instance that did not hear a run from its request on shows who comes back how each step stands', async () => {
  const { hear, watch } = given([before]);
  hear(step(50_000, 'RUNNING'));
  const stream = watch(20_000);
  await turn();
  expect(stream.text()).toMatch(/event: run[\s\S]*event: step\ndata: \{"step_id":"before"[\s\S]*id: 50000\nevent: step/);
  stream.leave();
  const again = watch(50_000);
  await turn();
  expect(again.text()).not.toContain('event:');
  again.leave();
});

test('one that did has nothing to add', async () => {
  const { hear, watch } = given([before]);
  hear({ kind: 'requested', data: { ...identity, admitted_at: at, provider: 'gcp', domain: 'cost', template: 'x' } as never });
  hear(step(50_000, 'RUNNING'));
  const stream = watch(7);
  await turn();
  expect(stream.text()).not.toContain('before');
  stream.leave();
});

test('who has seen the end and comes back hears it again and is let go; of runs that ended long ago nothing is kept', async () => {
  const { hear, watch, live } = given();
  hear(end(40));
  await watch().closed;
  const again = watch(40);
  await again.closed;
  expect(again.ids()).toEqual([40]);
  const kept = live.size;
  const old = Object.assign(newRecord({ ...identity, run_id: '00000000-0000-4000-8000-000000000002' }, at), { status: 'COMPLETE' });
  const stream = live.stream(old, undefined, new AbortController().signal).resume();
  await new Promise((resolve) => stream.once('end', resolve));
  expect(live.size).toBe(kept);
});
