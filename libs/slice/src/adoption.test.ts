import { fakeCheckpointTables, fakeJournalStore, fakeOwnerStore, keptLog, virtualClock } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { openSlice } from './open.ts';
import { OPEN_TICKETS, parking } from './simulation/parking.ts';

test('the log tells which columns of an edit were set back', async () => {
  const owners = fakeOwnerStore('parking');
  const tables = fakeCheckpointTables({ [OPEN_TICKETS]: (row) => row.left_at === null }, owners);
  const log = keptLog();
  const options = {
    bus: { publish: async () => undefined },
    clock: virtualClock(),
    instance: 'p',
    checkpointSeconds: 3600,
    refreshSeconds: 3600,
  };
  const slice = await openSlice({ definition: parking, journal: fakeJournalStore(), owners, tables, log, ...options });
  await slice.execute({ do: 'open', lot: 'north', limit: 3 });
  await slice.checkpoint();
  tables.edit('lots', 'north', { max_cars: 9, total: 77 });
  await slice.refresh();
  expect(log.lines.at(-1)?.fields).toMatchObject({ columns: ['max_cars', 'total'], undone: ['total'] });
});
