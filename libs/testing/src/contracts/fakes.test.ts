import type { TableRow } from '@convergence/ports';
import { describe, test } from '@jest/globals';
import { fakeCheckpointTables } from '../fakes/checkpoint-tables.ts';
import { fakeJournalStore } from '../fakes/journal-store.ts';
import { fakeOwnerStore } from '../fakes/owner-store.ts';
import { ACTIVE, checkpointTablesPromises } from './checkpoint-tables.ts';
import { journalStorePromises } from './journal-store.ts';
import { ownerStorePromises } from './owner-store.ts';

describe('the fake journal store keeps the promises of the port', () => {
  for (const [promise, keep] of Object.entries(journalStorePromises)) test(promise, () => keep(fakeJournalStore()));
});
describe('the fake owner store keeps the promises of the port', () => {
  for (const [promise, keep] of Object.entries(ownerStorePromises)) test(promise, () => keep(fakeOwnerStore('tenants')));
});
describe('the fake checkpoint tables keep the promises of the port', () => {
  for (const [promise, keep] of Object.entries(checkpointTablesPromises)) {
    test(promise, async () => {
      const owners = fakeOwnerStore('tenants');
      await owners.takeOver('tenants', 0, 'me');
      const tables = fakeCheckpointTables({ [ACTIVE]: (row) => row.active === true }, owners);
      const edit = async (change: TableRow) => {
        const { id, part } = { id: 'a', part: 'x', ...change };
        tables.edit('samples', 'a\u001fx', change, `${id}\u001f${part}`);
      };
      await keep({ tables, epoch: 1, edit });
    });
  }
});
