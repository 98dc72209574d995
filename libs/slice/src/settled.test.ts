import type { OwnerChange, OwnerStore } from '@convergence/ports';
import { fakeCheckpointTables, fakeJournalStore, fakeOwnerStore, keptLog, virtualClock } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { openSlice } from './open.ts';
import { OPEN_TICKETS, parking } from './simulation/parking.ts';

/** Stores that outlive owners; `open` is a process that takes over. */
function given(unreliable: (owners: OwnerStore) => OwnerStore = (owners) => owners, publish = async () => undefined) {
  const journal = fakeJournalStore();
  const owners = fakeOwnerStore('parking');
  const tables = fakeCheckpointTables({ [OPEN_TICKETS]: (row) => row.left_at === null }, owners);
  let starts = 0;
  const open = () =>
    openSlice({
      definition: parking,
      journal,
      owners: unreliable(owners),
      tables,
      bus: { publish },
      clock: virtualClock(),
      instance: `p${++starts}`,
      checkpointSeconds: 3600,
      refreshSeconds: 3600,
      log: keptLog(),
    });
  const redo = () => {
    const { redoFirst, redoLast } = owners.rows.get('parking')!;
    return Math.max(0, redoLast - redoFirst + 1);
  };
  return { open, tables, redo };
}
const opened = { do: 'open', lot: 'north', limit: 3 } as const;

describe('redo rows', () => {
  test('are needed from the checkpoint until the owner says that all tables have them', async () => {
    const { open, redo } = given();
    const slice = await open();
    await slice.execute(opened);
    await slice.checkpoint();
    expect(redo()).toBeGreaterThan(0);
    expect((await open()).state.lots.get('north')).toMatchObject({ limit: 3 });
    const successor = await open();
    await successor.checkpoint();
    await successor.checkpoint();
    expect(redo()).toBe(0);
    const last = await open();
    expect(last.state.lots.get('north')).toMatchObject({ limit: 3 });
    expect(last.figures.dirty).toBe(0);
  });

  test('are not left behind by an owner that leaves in peace', async () => {
    const { open, redo } = given();
    const slice = await open();
    await slice.execute(opened);
    await slice.close();
    expect(redo()).toBe(0);
    expect((await open()).state.lots.get('north')).toMatchObject({ limit: 3 });
  });

  test('stay while an edit that nobody looked at keeps a row out of its table', async () => {
    const { open, tables, redo } = given();
    const slice = await open();
    await slice.execute(opened);
    await slice.checkpoint();
    tables.edit('lots', 'north', { max_cars: 9 });
    await slice.execute({ do: 'park', lot: 'north', car: 'c', token: 't' });
    await slice.close();
    expect(redo()).toBeGreaterThan(0);
    expect((await open()).state.lots.get('north')).toMatchObject({ parked: 1 });
  });

  test('of a later checkpoint are not taken away by a record that comes late', async () => {
    let late: (() => Promise<unknown>) | undefined;
    const unreliable = (owners: OwnerStore): OwnerStore => ({
      ...owners,
      record(slice, epoch, owner, change: OwnerChange) {
        const settles = change.redoFirst !== undefined && change.redoLast !== undefined && change.redoFirst > change.redoLast;
        if (!settles || late) return owners.record(slice, epoch, owner, change);
        late = () => owners.record(slice, epoch, owner, change);
        return Promise.reject(new Error('no answer in time'));
      },
    });
    // Nothing gets published: the position up to which it was must not be what refuses the late record.
    const { open, tables, redo } = given(unreliable, () => new Promise(() => undefined));
    const slice = await open();
    await slice.execute(opened);
    await slice.checkpoint();
    await expect(slice.checkpoint()).rejects.toThrow('no answer in time');
    await slice.execute({ do: 'park', lot: 'north', car: 'c', token: 't' });
    tables.edit('lots', 'north', { max_cars: 9 });
    await slice.checkpoint();
    await late?.();
    expect(redo()).toBeGreaterThan(0);
    expect((await open()).state.lots.get('north')).toMatchObject({ parked: 1 });
  });
});
