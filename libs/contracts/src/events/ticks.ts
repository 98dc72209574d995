import Type from 'typebox';
import { defineEvent } from './envelope.ts';

/**
 * What Cloud Scheduler publishes, or the gateway on its behalf. `minute` is the scheduled minute and the event's id:
 * a doubled tick does nothing.
 */
const Minute = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}Z$' });

export const scheduleTick = defineEvent({
  name: 'schedule-tick',
  topic: 'schedule-tick',
  data: Type.Object({ minute: Minute, limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
});
export const queueTick = defineEvent({
  name: 'queue-tick',
  topic: 'queue-tick',
  data: Type.Object({ minute: Minute, max: Type.Optional(Type.Integer({ minimum: 1 })) }),
});
export const quotaReset = defineEvent({ name: 'quota-reset', topic: 'quota-reset', data: Type.Object({ minute: Minute }) });
export const orphanSweep = defineEvent({
  name: 'orphan-sweep',
  topic: 'orphan-sweep',
  data: Type.Object({ minute: Minute, older_than_minutes: Type.Optional(Type.Integer({ minimum: 1 })) }),
});
