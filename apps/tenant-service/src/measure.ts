import { Gauge } from 'prom-client';
import type { Tenants } from './tenants.ts';

/** What an operator looks at first, read from memory when it is scraped. */
export function measure({ slice, metrics }: Pick<Tenants, 'slice' | 'metrics'>): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [metrics.registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('tenants_total', 'Tenants, whatever their state', () => slice.state.tenants.size);
  gauge('tenants_live_reservations', 'Runs that hold a reservation', () => slice.state.locks.size);
  gauge('tenants_slice_waiting', 'Commands decided and not yet durable', () => slice.figures.waiting);
  gauge('tenants_slice_dirty_rows', 'Rows that the tables do not show yet', () => slice.figures.dirty);
  gauge('tenants_slice_unpublished', 'Events whose messages are not out yet', () => slice.figures.durable - slice.figures.published);
}
