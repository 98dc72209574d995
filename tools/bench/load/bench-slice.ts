/** A slice in the bench's own process, on the tables and the journal of a local-cloud. It publishes to nobody. */
import { randomUUID } from 'node:crypto';
import { warehouseOwnerStore } from '@convergence/journal';
import type { Clock, JournalStore, Warehouse } from '@convergence/ports';
import { systemClock } from '@convergence/service';
import { openSlice, type Slice, type SliceDefinition, warehouseTables } from '@convergence/slice';

/** Longer than any bench takes. */
export const NEVER = 1e6;
const complain = (fields: object, text: string): void => console.warn(text, fields);

export function benchSlice<S, C, E extends { readonly type: string }>(on: {
  readonly definition: SliceDefinition<S, C, E>;
  readonly warehouse: Warehouse;
  readonly journal: JournalStore;
  readonly checkpointSeconds: number;
  readonly clock?: Clock;
}): Promise<Slice<S, C>> {
  const { definition, warehouse, journal, checkpointSeconds, clock = systemClock } = on;
  return openSlice({
    definition,
    journal,
    bus: { publish: async () => undefined },
    owners: warehouseOwnerStore(warehouse, 'tenants'),
    tables: warehouseTables(warehouse, 'tenants'),
    clock,
    instance: randomUUID(),
    checkpointSeconds,
    refreshSeconds: NEVER,
    log: { info: () => undefined, warn: complain, error: complain },
  });
}
