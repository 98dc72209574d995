import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Parts } from '../catalog/parts.ts';
import type { Service } from '../service.ts';
import { Database } from '../storage/database.ts';
import { ScriptTransaction } from './script-transaction.ts';
import type { Session } from './session.ts';

test('2. a transaction whose snapshot can not be taken leaves the gate again', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'script-transaction-'));
  // Without the table whose look takes the snapshot.
  const database = await Database.open(join(dir, 'data.duckdb'), {
    memoryLimit: '200MB',
    threads: 1,
    connections: 3,
    temp: join(dir, 'spill'),
  });
  const parts = new Parts();
  const session = { transaction: undefined } as unknown as Session;
  const service = {
    store: { ingest: { foldAll: async () => undefined }, database, catalog: { parts }, changeMetadata: async () => undefined },
  } as unknown as Service;
  await expect(new ScriptTransaction(service, session).run('begin')).rejects.toThrow('local_folds');
  expect(session.transaction).toBeUndefined();
  expect(parts.refusals).toBe(0);
  expect(await database.alone(100, async () => undefined)).toBe(true);
  database.close();
  rmSync(dir, { recursive: true, force: true });
});
