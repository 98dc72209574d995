import type { TableSpec } from '@convergence/ports';

export const tenantCommands: TableSpec = {
  name: 'tenant_commands',
  description:
    'What clients asked for under Idempotency-Keys, for a day: who asks again is known at every gateway. Owned by tenant-service.',
  partitionBy: { column: 'named_at', granularity: 'DAY', expirationDays: 3 },
  clusterBy: ['command'],
  columns: [
    { name: 'command', type: 'STRING', required: true, description: 'Its name, which follows from caller and key, and when it was named.' },
    {
      name: 'request',
      type: 'STRING',
      required: true,
      description: 'A keyed hash of the request: another one under the same key is refused.',
    },
    {
      name: 'holder',
      type: 'STRING',
      required: true,
      description: 'Whose share of the memory it takes: a tenant, operators or strangers.',
    },
    {
      name: 'made',
      type: 'STRING',
      description: 'What it came to, by its id, or as an answer where it has none; NULL where that is not noted.',
    },
    { name: 'named_at', type: 'TIMESTAMP', required: true, description: 'When it came first.' },
  ],
};
