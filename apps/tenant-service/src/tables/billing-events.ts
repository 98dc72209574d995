import { tenantBillingEvents } from '@convergence/tables';
import type { BillingEvent } from '@convergence/tenants';
import { count, text, textOrNull, time, timeOrNull } from './cells.ts';
import type { TenantProjection } from './projection.ts';

export const billingEvents: TenantProjection = {
  table: tenantBillingEvents,
  key: ['event_id'],
  touches: (event) => (event.type === 'billing_event_received' || event.type === 'billing_event_settled' ? [event.event_id] : []),
  row(state, eventId) {
    const held = state.billing.get(eventId);
    return held ? { ...held } : null;
  },
  loadWhere: `status = 'RECEIVED' OR received_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 30 DAY)`,
  load(state, rows) {
    const held = rows.map(
      (row): BillingEvent => ({
        event_id: text(row, 'event_id'),
        type: text(row, 'type'),
        created: time(row, 'created'),
        received_at: time(row, 'received_at'),
        payload: typeof row.payload === 'string' ? row.payload : JSON.stringify(row.payload),
        status: text(row, 'status') as BillingEvent['status'],
        attempts: count(row, 'attempts'),
        next_attempt_at: timeOrNull(row, 'next_attempt_at'),
        last_error: textOrNull(row, 'last_error'),
      }),
    );
    for (const event of held) state.billing.set(event.event_id, event);
  },
};
