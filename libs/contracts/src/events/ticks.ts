import Type from 'typebox';
import { defineEvent } from './envelope.ts';

/**
 * What Cloud Scheduler publishes, or the gateway on its behalf. Every handler finds out by itself what there is to do, so a doubled
 * tick does nothing. `minute` says which tick it is; Cloud Scheduler's own messages can't carry it.
 */
const minute = Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}Z$' }));

export const scheduleTick = defineEvent({
  name: 'schedule-tick',
  topic: 'schedule-tick',
  data: Type.Object({ minute, limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
});
export const queueTick = defineEvent({
  name: 'queue-tick',
  topic: 'queue-tick',
  data: Type.Object({ minute, max: Type.Optional(Type.Integer({ minimum: 1 })) }),
});
export const quotaReset = defineEvent({ name: 'quota-reset', topic: 'quota-reset', data: Type.Object({ minute }) });
export const orphanSweep = defineEvent({
  name: 'orphan-sweep',
  topic: 'orphan-sweep',
  data: Type.Object({ minute, older_than_minutes: Type.Optional(Type.Integer({ minimum: 1 })) }),
});
