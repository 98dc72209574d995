import Type from 'typebox';
import { TENANT_ID_PATTERN } from '../ids.ts';
import { defineEvent } from './envelope.ts';
import { Timestamp } from './run.ts';

/** What others may have remembered of a tenant is no longer true: forget it. Every instance hears it. */
export const tenantChanged = defineEvent({
  name: 'tenant-changed',
  topic: 'tenant-changed',
  data: Type.Object({
    tenant_id: Type.String({ pattern: TENANT_ID_PATTERN }),
    at: Timestamp,
    change: Type.Enum(['created', 'profile', 'status', 'subscription', 'api_keys', 'credentials', 'provider_configs', 'purged']),
    status: Type.Enum(['ACTIVE', 'SUSPENDED', 'CANCELLED']),
    plan: Type.String(),
  }),
  orderingKey: (data) => data.tenant_id,
});
