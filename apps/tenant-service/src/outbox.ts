/**
 * What the world is told of an event once it is durable. Pure: after a crash it is asked again and says the same, with the same ids,
 * so that whoever hears a message twice can see it.
 */
import {
  type DataOf,
  type EventDefinition,
  runAdmitted,
  runCancelled,
  runCompleted,
  runRequested,
  tenantChanged,
} from '@convergence/contracts';
import type { OutgoingMessage } from '@convergence/ports';
import type { EventMeta } from '@convergence/slice';
import type { TenantEvent } from '@convergence/tenants';

type Change = DataOf<typeof tenantChanged>['change'];
const CHANGE: Partial<Record<TenantEvent['type'], Change>> = {
  profile_changed: 'profile',
  status_changed: 'status',
  subscription_changed: 'subscription',
  api_key_issued: 'api_keys',
  api_key_rotated: 'api_keys',
  api_key_revoked: 'api_keys',
  api_key_adopted: 'api_keys',
  credential_added: 'credentials',
  credential_changed: 'credentials',
  credential_removed: 'credentials',
  provider_config_added: 'provider_configs',
  provider_config_changed: 'provider_configs',
  provider_config_removed: 'provider_configs',
  tenant_purged: 'purged',
};
/** Ends a run in every reader's order of its events: nothing an executor says comes after it. */
const AFTER_EVERYTHING = 1_000_000_000;

export function outbox(event: TenantEvent, meta: EventMeta): readonly OutgoingMessage[] {
  if (event.type === 'run_admitted') {
    const admitted = { ...event.run, admitted_at: event.admitted_at };
    return [message(runRequested, admitted, event.run.run_id, meta), message(runAdmitted, admitted, `${event.run.run_id}/admitted`, meta)];
  }
  if (event.type === 'run_orphaned') return lost(event, meta);
  if (event.type === 'tenant_onboarded') {
    return [changed(event.tenant_id, 'created', { status: 'ACTIVE', plan: event.plan_name }, meta)];
  }
  const change = CHANGE[event.type];
  return change && 'standing' in event ? [changed(event.tenant_id, change, event.standing, meta)] : [];
}

function changed(
  tenant_id: string,
  change: Change,
  standing: { status: 'ACTIVE' | 'SUSPENDED' | 'CANCELLED'; plan: string },
  meta: EventMeta,
): OutgoingMessage {
  return message(tenantChanged, { tenant_id, at: meta.at, change, ...standing }, `tenant-changed/${meta.sequence}`, meta);
}

function lost(event: Extract<TenantEvent, { type: 'run_orphaned' }>, meta: EventMeta): readonly OutgoingMessage[] {
  const { run_id, tenant_id, pipeline_id, admitted_at, started_at, ended_at, trigger_type, scheduled_run_id } = event;
  const identity = { run_id, tenant_id, pipeline_id };
  const reason = `No sign of life since ${event.last_heartbeat_at ?? admitted_at}; declared lost.`;
  return [
    message(runCancelled, { ...identity, at: ended_at, by: 'tenant-service', reason }, `${run_id}/lost`, meta),
    message(
      runCompleted,
      {
        ...identity,
        status: 'FAILED',
        sequence: AFTER_EVERYTHING,
        admitted_at,
        started_at,
        ended_at,
        did_work: !event.refunded,
        retryable: true,
        error: {
          code: 'run.lost',
          class: 'lost',
          message: reason,
          hint: 'Run it again; the same run never takes effect twice.',
          step: null,
        },
        trigger_type,
        scheduled_run_id,
      },
      `${run_id}/completed`,
      meta,
    ),
  ];
}

function message<D extends EventDefinition>(definition: D, data: DataOf<D>, id: string, meta: EventMeta): OutgoingMessage {
  const orderingKey = definition.orderingKey?.(data as never);
  return {
    topic: definition.topic,
    event: {
      id,
      type: definition.type,
      source: 'tenant-service',
      time: meta.at,
      ...(meta.traceId && { traceparent: `00-${meta.traceId}-${meta.sequence.toString(16).padStart(16, '0')}-01` }),
      data,
    },
    ...(orderingKey !== undefined && { orderingKey }),
  };
}
