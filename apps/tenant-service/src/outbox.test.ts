import { check, EVENTS } from '@convergence/contracts';
import type { EventMeta } from '@convergence/slice';
import type { TenantEvent } from '@convergence/tenants';
import { sampleRun } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { outbox } from './outbox.ts';

const meta: EventMeta = { sequence: 7, at: '2026-01-15T10:00:00.000Z', actor: null, traceId: '0123456789abcdef0123456789abcdef' };
const RUN_ID = '00000000-0000-4000-8000-000000000001';
const run = sampleRun(1, { tenant_id: 'acme_corp', pipeline_id: 'acme_corp-gcp-cost-x', template: 'x', parameters: {} });
const standing = { status: 'ACTIVE', plan: 'SCALE' } as const;
const admitted: TenantEvent = {
  type: 'run_admitted',
  tenant_id: 'acme_corp',
  run,
  admitted_at: meta.at,
  usage_date: '2026-01-15',
  counted: true,
};
const orphaned: TenantEvent = {
  type: 'run_orphaned',
  tenant_id: 'acme_corp',
  run_id: RUN_ID,
  pipeline_id: run.pipeline_id,
  trigger_type: 'scheduler',
  scheduled_run_id: 's1',
  admitted_at: meta.at,
  started_at: null,
  ended_at: meta.at,
  last_heartbeat_at: null,
  refunded: true,
};

test.each<[string, TenantEvent, string[]]>([
  ['an admission', admitted, ['run-requested', 'run-admitted']],
  ['a lost run', orphaned, ['run-cancelled', 'run-completed']],
  ['a status', { type: 'status_changed', tenant_id: 'acme_corp', status: 'SUSPENDED', standing }, ['tenant-changed']],
  ['a revoked key', { type: 'api_key_revoked', tenant_id: 'acme_corp', api_key_id: 'k', standing }, ['tenant-changed']],
  ['a heartbeat', { type: 'heartbeats_noted', at: meta.at, run_ids: [RUN_ID] }, []],
])('%s tells the world what fits the declared schema', (_, event, topics) => {
  const messages = outbox(event, meta);
  expect(messages.map((message) => message.topic)).toEqual(topics);
  for (const { event: envelope } of messages) {
    const definition = EVENTS.find((known) => known.type === envelope.type);
    expect(definition && check(definition.data, structuredClone(envelope.data))).toMatchObject({ ok: true });
  }
});

test('asked again after a crash it says the same with the same ids, within the trace of the request', () => {
  expect(outbox(admitted, meta)).toEqual(outbox(admitted, meta));
  expect(outbox(admitted, meta)[0]?.event).toMatchObject({
    id: RUN_ID,
    traceparent: '00-0123456789abcdef0123456789abcdef-0000000000000007-01',
  });
  expect(outbox(admitted, meta)[0]?.orderingKey).toBeUndefined();
});
