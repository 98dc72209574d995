import type { TableSpec } from '@convergence/ports';

export const schemaMigrations: TableSpec = {
  name: 'schema_migrations',
  description: 'Numbered changes to the tables that were applied.',
  columns: [
    { name: 'number', type: 'INT64', required: true, description: 'Its number.' },
    { name: 'name', type: 'STRING', required: true, description: 'Its name.' },
    { name: 'applied_at', type: 'TIMESTAMP', required: true, description: 'When it was applied.' },
  ],
};
