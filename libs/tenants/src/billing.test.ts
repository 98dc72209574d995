import { given } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { TENANTS } from './testing/sample.ts';

const receive = {
  kind: 'receive-billing-event',
  event_id: 'evt_1',
  event_type: 'checkout.session.completed',
  created: '2026-01-15T10:00:00.000Z',
  payload: '{}',
} as const;
const settle = (status: 'RECEIVED' | 'PROCESSED' | 'FAILED') =>
  ({ kind: 'settle-billing-event', event_id: 'evt_1', status, error: null, next_attempt_at: null }) as const;

test('an event is kept once, however often it comes', () => {
  given(TENANTS).when(receive).thenReply({ duplicate: false }).when(receive).thenReply({ duplicate: true }).when(receive).thenEvents([]);
});

test('a failed attempt leaves it to be tried again, a settled one stays settled', () => {
  const { state, when } = given(TENANTS).when(receive).thenReply({ duplicate: false });
  when(settle('RECEIVED')).thenReply({ duplicate: false });
  expect(state.billing.get('evt_1')).toMatchObject({ status: 'RECEIVED', attempts: 1 });
  when(settle('PROCESSED')).thenReply({ duplicate: false });
  when(settle('FAILED')).thenEvents([]);
  expect(state.billing.get('evt_1')).toMatchObject({ status: 'PROCESSED', attempts: 2 });
});

test('settled ones are forgotten after a month, not before', () => {
  const { state, when } = given(TENANTS).when(receive).thenReply({ duplicate: false });
  when(settle('PROCESSED')).thenReply({ duplicate: false });
  when({ ...receive, event_id: 'evt_2' }, '2026-03-01T10:00:00.000Z').thenReply({ duplicate: false });
  when({ ...settle('PROCESSED'), event_id: 'evt_2' }, '2026-03-01T10:00:00.000Z').thenReply({ duplicate: false });
  expect([...state.billing.keys()]).toEqual(['evt_2']);
});
