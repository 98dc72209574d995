import type { OwnerRow, OwnerStore } from '@convergence/ports';

export interface FakeOwnerStore extends OwnerStore {
  readonly rows: ReadonlyMap<string, OwnerRow>;
}

export function fakeOwnerStore(...slices: readonly string[]): FakeOwnerStore {
  const rows = new Map<string, OwnerRow>();
  for (const slice of slices) {
    rows.set(slice, {
      slice,
      owner: null,
      epoch: 0,
      stream: null,
      streamStart: 0,
      checkpoint: 0,
      checkpointAt: null,
      redoFirst: 1,
      redoLast: 0,
      published: 0,
      publishedAt: null,
      released: true,
    });
  }
  return {
    rows,
    async read(slice) {
      return rows.get(slice);
    },
    async takeOver(slice, fromEpoch, owner) {
      const row = rows.get(slice);
      if (row?.epoch !== fromEpoch) return false;
      rows.set(slice, { ...row, owner, epoch: fromEpoch + 1 });
      return true;
    },
    async record(slice, epoch, owner, change) {
      const row = rows.get(slice);
      if (row?.epoch !== epoch || row.owner !== owner) return false;
      const late = (change.checkpoint ?? row.checkpoint) < row.checkpoint || (change.published ?? row.published) < row.published;
      if (!late) rows.set(slice, { ...row, ...change });
      return true;
    },
  };
}
