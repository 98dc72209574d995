import type { TableSpec } from '@convergence/ports';

/** Append-only, by Storage Write streams alone. Nobody ever updates or deletes here; old days are history. */
const journal = (name: string, what: string): TableSpec => ({
  name,
  description: `${what} Append-only: who did what, in order. Rows whose type begins with slice. are the owner's own bookkeeping.`,
  partitionBy: { column: 'at', granularity: 'DAY' },
  clusterBy: ['subject', 'sequence'],
  columns: [
    { name: 'sequence', type: 'INT64', required: true, description: 'Grows by one with each row, for ever, across owners.' },
    { name: 'epoch', type: 'INT64', required: true, description: 'Epoch of the owner that wrote it.' },
    { name: 'at', type: 'TIMESTAMP', required: true, description: 'When it happened.' },
    { name: 'subject', type: 'STRING', required: true, description: 'What it is about: a tenant.' },
    { name: 'type', type: 'STRING', required: true, description: 'What happened, in the past tense.' },
    { name: 'data', type: 'STRING', required: true, description: 'The event as JSON.' },
    { name: 'actor', type: 'STRING', description: 'Who caused it, as JSON.' },
    { name: 'trace_id', type: 'STRING', description: 'Trace of the request that caused it.' },
  ],
});

export const tenantJournal = journal('tenant_journal', 'Everything that was decided about tenants.');
export const schedulerJournal = journal('scheduler_journal', 'Everything that was decided about schedules and the queue.');
