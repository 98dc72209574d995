import Type from 'typebox';
import { TOPICS } from '../events/envelope.ts';
import { defineOperation } from '../operation.ts';
import { nullable, page, pageQuery, TenantIdField, TimeField } from './fields.ts';

/** What only operators see: messages that could not be handled, and who did what. */
const closed = { additionalProperties: false } as const;
const TopicField = Type.Enum([...TOPICS]);

export const DeadLetterItem = Type.Object({
  id: Type.String(),
  topic: Type.String(),
  reason: Type.String(),
  published_at: TimeField,
  attributes: Type.Record(Type.String(), Type.String()),
  body: Type.String(),
});

export const deadLettersList = defineOperation({
  id: 'dead-letters.list',
  method: 'GET',
  path: '/api/v1/admin/dead-letters',
  summary: 'Messages that were given up or quarantined, with the reason',
  owner: 'gateway',
  auth: 'admin',
  query: Type.Object(
    { topic: Type.Optional(TopicField), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })) },
    closed,
  ),
  response: page(DeadLetterItem),
  errors: ['service.unavailable'],
});
export const deadLettersRedrive = defineOperation({
  id: 'dead-letters.redrive',
  method: 'POST',
  path: '/api/v1/admin/dead-letters/redrive',
  summary: 'Publish dead letters to their topic again',
  owner: 'gateway',
  auth: 'admin',
  body: Type.Object(
    { topic: Type.Optional(TopicField), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })) },
    closed,
  ),
  bodyOptional: true,
  response: Type.Object({ redriven_count: Type.Integer(), message: Type.String() }),
  errors: ['service.unavailable'],
});

export const JournalItem = Type.Object({
  sequence: Type.Integer(),
  at: TimeField,
  /** Whom it is about: a tenant. */
  subject: Type.String(),
  type: Type.String(),
  /** Who caused it; null when nobody did (a tick, recovery). */
  actor: nullable(Type.Record(Type.String(), Type.Unknown())),
  data: Type.Record(Type.String(), Type.Unknown()),
  trace_id: nullable(Type.String()),
});
export const journalList = defineOperation({
  id: 'journal.list',
  method: 'GET',
  path: '/api/v1/admin/journal',
  summary: 'The audit trail, newest first: who did what to which tenant',
  owner: 'tenant-service',
  auth: 'admin',
  query: Type.Object(
    {
      ...pageQuery,
      tenant_id: Type.Optional(TenantIdField),
      type: Type.Optional(Type.String({ maxLength: 100 })),
      from: Type.Optional(TimeField),
      to: Type.Optional(TimeField),
    },
    closed,
  ),
  response: page(JournalItem),
  errors: ['service.unavailable'],
});
