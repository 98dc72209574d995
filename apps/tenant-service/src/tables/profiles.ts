import type { DryrunStatus, TenantId, TenantStatus } from '@convergence/contracts';
import { tenantProfiles } from '@convergence/tables';
import { newTenant, profileEdited, type TenantEvent, touch, unknownSubscription } from '@convergence/tenants';
import { flag, text, textOrNull, texts, time, timeOrNull } from './cells.ts';
import { find, ids, type TenantProjection } from './projection.ts';

const CHANGES: ReadonlySet<TenantEvent['type']> = new Set([
  'tenant_onboarded',
  'profile_changed',
  'status_changed',
  'onboarding_repeated',
  'dataset_prepared',
  'dataset_dropped',
  'dryrun_noted',
  'welcome_sent',
  'tenant_purged',
  'subscription_changed',
  'api_key_issued',
  'api_key_delivered',
]);

/** Loaded first: the other tables hang their rows on the tenants that come from here. */
export const profiles: TenantProjection = {
  table: tenantProfiles,
  key: ['tenant_id'],
  touches(event, state) {
    if ('tenant_id' in event && CHANGES.has(event.type)) return [event.tenant_id];
    if (event.type === 'run_admitted') return event.run.trigger_type === 'onboarding' && !event.counted ? [event.tenant_id] : [];
    if (event.type !== 'run_ended' && event.type !== 'run_orphaned') return [];
    return find(state, event.tenant_id)?.onboarding.dryrun_run_id === event.run_id ? [event.tenant_id] : [];
  },
  row(state, key) {
    const tenant = find(state, key);
    if (!tenant) return undefined;
    const { onboarding } = tenant;
    return {
      ...ids(tenant.tenant_id),
      company_name: tenant.company_name,
      admin_email: tenant.admin_email,
      tenant_dataset_id: tenant.tenant_id,
      status: tenant.status,
      subscription_plan: tenant.subscription.plan_name,
      dataset_created_at: onboarding.dataset_created_at,
      tables_created: [...onboarding.tables_created],
      dryrun_status: onboarding.dryrun_status,
      dryrun_run_id: onboarding.dryrun_run_id,
      onboarding_request_hash: onboarding.request_hash,
      onboarding_run_dryrun: onboarding.run_dryrun,
      undelivered_api_key_id: onboarding.undelivered_api_key_id,
      welcome_sent_at: onboarding.welcome_sent_at,
      created_at: tenant.created_at,
      updated_at: tenant.updated_at,
    };
  },
  load(state, rows) {
    for (const row of rows) {
      const tenant_id = text(row, 'tenant_id') as TenantId;
      const created_at = time(row, 'created_at');
      const tenant = newTenant({
        tenant_id,
        created_at,
        company_name: text(row, 'company_name'),
        admin_email: text(row, 'admin_email'),
        status: text(row, 'status') as TenantStatus,
        updated_at: time(row, 'updated_at'),
        onboarding: {
          request_hash: text(row, 'onboarding_request_hash'),
          undelivered_api_key_id: textOrNull(row, 'undelivered_api_key_id'),
          run_dryrun: flag(row, 'onboarding_run_dryrun'),
          dataset_created_at: timeOrNull(row, 'dataset_created_at'),
          tables_created: texts(row, 'tables_created'),
          dryrun_run_id: textOrNull(row, 'dryrun_run_id'),
          dryrun_status: text(row, 'dryrun_status') as DryrunStatus,
          welcome_sent_at: timeOrNull(row, 'welcome_sent_at'),
        },
        subscription: unknownSubscription(created_at),
      });
      state.tenants.set(tenant_id, tenant);
      touch(state.feed, tenant_id);
    }
  },
  all: (state) => state.tenants,
  adopt(state, row) {
    const tenant = find(state, row.tenant_id);
    if (!tenant) return [];
    const { company_name, admin_email, status } = row;
    return profileEdited(tenant, { company_name, admin_email, status });
  },
};
