import { expect, test } from '@jest/globals';
import { stepContext } from '../testing/step-context.ts';
import { dqCheck } from './step.ts';

test('a sample shows no column that may hold a secret, and none that is no text', async () => {
  const context = stepContext({ table: 'own', rules: [{ rule: 'not_null', column: 'id' }] });
  const names = [
    'id',
    'service_name',
    'access_key_id',
    'AccessKey',
    'pwd',
    'authorization',
    'connection_string',
    'session_cookie',
    'api_key',
  ];
  await context.warehouse.createDataset('acme_corp', { location: 'US', description: '' });
  await context.warehouse.createTable('acme_corp', {
    name: 'own',
    description: '',
    columns: [
      ...names.map((name) => ({ name, type: 'STRING' as const, description: '' })),
      { name: 'place', type: 'GEOGRAPHY' as never, description: '' },
    ],
  });
  context.warehouse.answer(/COUNTIF/, [{ n: 1, f0: 1 }]);
  context.warehouse.answer(/SUBSTR/, []);
  context.warehouse.answer(/^MERGE/, []);
  await expect(dqCheck(context)).rejects.toMatchObject({ code: 'dq.failed' });
  const sampled = context.warehouse.statements.find(({ sql }) => sql.includes('SUBSTR'))?.sql ?? '';
  expect([...sampled.matchAll(/AS `(\w+)`/g)].map(([, name]) => name)).toEqual(['id', 'service_name']);
});
