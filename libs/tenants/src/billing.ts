/**
 * Events of the billing provider: kept first, processed after.
 *
 * 1. An event id is kept once; the same again changes nothing. 2. An event leaves RECEIVED only when its effect is in the journal, or
 * when it was tried often enough; until then it is tried again. 3. Settled ones are remembered longer than the provider repeats them.
 */
import { type Accepted, accept } from './decision.ts';
import type { TenantEvent } from './events.ts';
import type { TenantsState } from './state.ts';

const REMEMBERED_MS = 30 * 86_400_000;

export interface ReceiveBillingEvent {
  readonly kind: 'receive-billing-event';
  readonly event_id: string;
  readonly event_type: string;
  readonly created: string;
  readonly payload: string;
}
export interface SettleBillingEvent {
  readonly kind: 'settle-billing-event';
  readonly event_id: string;
  readonly status: 'RECEIVED' | 'PROCESSED' | 'IGNORED' | 'FAILED';
  readonly error: string | null;
  readonly next_attempt_at: string | null;
}

export function decideBilling(state: TenantsState, command: ReceiveBillingEvent | SettleBillingEvent): Accepted<{ duplicate: boolean }> {
  const known = state.billing.get(command.event_id);
  const { kind, ...fields } = command;
  if (kind === 'receive-billing-event') {
    const received = fields as Omit<ReceiveBillingEvent, 'kind'>;
    return known ? accept({ duplicate: true }) : accept({ duplicate: false }, { type: 'billing_event_received', ...received });
  }
  if (known?.status !== 'RECEIVED') return accept({ duplicate: true });
  return accept({ duplicate: false }, { type: 'billing_event_settled', ...(fields as Omit<SettleBillingEvent, 'kind'>) });
}

export function applyBilling(
  state: TenantsState,
  event: Extract<TenantEvent, { type: 'billing_event_received' | 'billing_event_settled' }>,
  at: string,
): void {
  if (event.type === 'billing_event_received') {
    const { event_id, event_type: type, created, payload } = event;
    state.billing.set(event_id, {
      event_id,
      type,
      created,
      payload,
      received_at: at,
      status: 'RECEIVED',
      attempts: 0,
      next_attempt_at: at,
      last_error: null,
    });
    return;
  }
  const held = state.billing.get(event.event_id);
  if (!held) return;
  held.status = event.status;
  held.attempts += 1;
  held.last_error = event.error;
  held.next_attempt_at = event.next_attempt_at;
  forgetOld(state, Date.parse(at));
}

function forgetOld(state: TenantsState, now: number): void {
  for (const [id, event] of state.billing) {
    if (event.status === 'RECEIVED' || Date.parse(event.received_at) > now - REMEMBERED_MS) break;
    state.billing.delete(id);
  }
}
