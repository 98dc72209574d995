import { Refusal } from '@convergence/contracts';
import type { OutgoingMessage, TableSpec } from '@convergence/ports';
import { type SliceDefinition, type TableProjection, tableKey } from '../definition.ts';

/**
 * A slice for tests, with all that can go wrong in one: counters (applying an event twice shows), a limit, rows that leave, rows
 * that become history, a partition column, a key of two columns, messages to publish, a column that people edit.
 */
export type ParkingCommand =
  | { readonly do: 'open'; readonly lot: string; readonly limit: number }
  | { readonly do: 'limit'; readonly lot: string; readonly limit: number }
  | { readonly do: 'park'; readonly lot: string; readonly car: string; readonly token: string }
  | { readonly do: 'leave'; readonly car: string; readonly token: string };
export type ParkingEvent =
  | { readonly type: 'lot-opened'; readonly lot: string; readonly limit: number }
  | { readonly type: 'limit-set'; readonly lot: string; readonly limit: number }
  | { readonly type: 'car-parked'; readonly lot: string; readonly car: string; readonly token: string; readonly day: string }
  | { readonly type: 'car-left'; readonly lot: string; readonly car: string; readonly token: string; readonly ticket: string };
interface Lot {
  limit: number;
  parked: number;
  total: number;
}
export interface ParkingState {
  lots: Map<string, Lot>;
  cars: Map<string, { lot: string; ticket: string; day: string }>;
  tickets: Map<string, { lot: string; car: string; day: string; left: string | null }>;
  /** Not in any table: what the last answer rested on. */
  last: number;
}

const column = (name: string, type: string) => ({ name, type, description: name });
const lotsTable: TableSpec = {
  name: 'lots',
  description: 'Parking lots',
  columns: [column('lot', 'STRING'), column('max_cars', 'INT64'), column('parked', 'INT64'), column('total', 'INT64')],
};
const carsTable: TableSpec = {
  name: 'cars',
  description: 'Cars that are parked now',
  columns: [column('lot', 'STRING'), column('car', 'STRING'), column('ticket', 'STRING'), column('parked_on', 'DATE')],
  partitionBy: { column: 'parked_on', granularity: 'DAY' },
};
const ticketsTable: TableSpec = {
  name: 'tickets',
  description: 'Every stay',
  columns: [
    column('ticket', 'STRING'),
    column('lot', 'STRING'),
    column('car', 'STRING'),
    column('parked_on', 'DATE'),
    column('left_at', 'TIMESTAMP'),
  ],
  partitionBy: { column: 'parked_on', granularity: 'DAY' },
};
export const OPEN_TICKETS = 'left_at IS NULL';

const lots: TableProjection<ParkingState, ParkingCommand, ParkingEvent> = {
  table: lotsTable,
  key: ['lot'],
  touches: (event) => [event.lot],
  row(state, key) {
    const lot = state.lots.get(key);
    return lot && { lot: key, max_cars: lot.limit, parked: lot.parked, total: lot.total };
  },
  load(state, rows) {
    for (const r of rows) {
      state.lots.set(String(r.lot), { limit: Number(r.max_cars), parked: Number(r.parked), total: Number(r.total) });
    }
  },
  all: (state) => state.lots,
  /** Nobody deletes any: one that is taken for deleted shows by this. */
  deleted: (_state, lot) => [{ do: 'limit', lot, limit: 0 }],
  adopt(state, row) {
    const lot = state.lots.get(String(row.lot));
    const limit = Number(row.max_cars);
    if (!lot) return [{ do: 'open', lot: String(row.lot), limit }];
    return lot.limit === limit ? [] : [{ do: 'limit', lot: String(row.lot), limit }];
  },
};
const cars: TableProjection<ParkingState, ParkingCommand, ParkingEvent> = {
  table: carsTable,
  key: ['lot', 'car'],
  touches: (event) => (event.type === 'car-parked' || event.type === 'car-left' ? [tableKey(event.lot, event.car)] : []),
  row(state, key) {
    const [lot, car] = key.split('\u001f') as [string, string];
    const parked = state.cars.get(car);
    return parked?.lot === lot ? { lot, car, ticket: parked.ticket, parked_on: parked.day } : undefined;
  },
  load(state, rows) {
    for (const r of rows) state.cars.set(String(r.car), { lot: String(r.lot), ticket: String(r.ticket), day: String(r.parked_on) });
  },
};
const tickets: TableProjection<ParkingState, ParkingCommand, ParkingEvent> = {
  table: ticketsTable,
  key: ['ticket'],
  touches: (event) => (event.type === 'car-parked' ? [event.token] : event.type === 'car-left' ? [event.ticket] : []),
  row(state, key) {
    const t = state.tickets.get(key);
    return t && { ticket: key, lot: t.lot, car: t.car, parked_on: t.day, left_at: t.left };
  },
  loadWhere: OPEN_TICKETS,
  load(state, rows) {
    for (const r of rows) {
      const left = r.left_at === null ? null : String(r.left_at);
      state.tickets.set(String(r.ticket), { lot: String(r.lot), car: String(r.car), day: String(r.parked_on), left });
    }
  },
  history: {
    closed: (state, key) => state.tickets.get(key)?.left != null,
    forget: (state, key) => state.tickets.delete(key),
  },
};

const refuse = (state: ParkingState, detail: string) => ({
  refusal: new Refusal('run.not_found', detail, { fields: { last: state.last } }),
});

export const parking: SliceDefinition<ParkingState, ParkingCommand, ParkingEvent> = {
  name: 'parking',
  initial: () => ({ lots: new Map(), cars: new Map(), tickets: new Map(), last: 0 }),
  decide(state, command, { now }) {
    const reply = { last: state.last };
    switch (command.do) {
      case 'open': {
        if (state.lots.has(command.lot)) return refuse(state, 'the lot is open');
        return { events: [{ type: 'lot-opened', lot: command.lot, limit: command.limit }], reply };
      }
      case 'limit': {
        if (!state.lots.has(command.lot)) return refuse(state, 'no such lot');
        return { events: [{ type: 'limit-set', lot: command.lot, limit: command.limit }], reply };
      }
      case 'park': {
        const lot = state.lots.get(command.lot);
        if (!lot) return refuse(state, 'no such lot');
        if (state.cars.has(command.car)) return refuse(state, 'parked already');
        if (lot.parked >= lot.limit) return refuse(state, 'full');
        const day = new Date(now).toISOString().slice(0, 10);
        return { events: [{ type: 'car-parked', lot: command.lot, car: command.car, token: command.token, day }], reply };
      }
      case 'leave': {
        const car = state.cars.get(command.car);
        if (!car) return refuse(state, 'not here');
        return { events: [{ type: 'car-left', lot: car.lot, car: command.car, token: command.token, ticket: car.ticket }], reply };
      }
      default:
        throw command satisfies never;
    }
  },
  apply(state, event, { sequence, at }) {
    state.last = sequence;
    switch (event.type) {
      case 'lot-opened':
        state.lots.set(event.lot, { limit: event.limit, parked: 0, total: 0 });
        return;
      case 'limit-set':
        state.lots.get(event.lot)!.limit = event.limit;
        return;
      case 'car-parked': {
        const lot = state.lots.get(event.lot)!;
        lot.parked += 1;
        lot.total += 1;
        state.cars.set(event.car, { lot: event.lot, ticket: event.token, day: event.day });
        state.tickets.set(event.token, { lot: event.lot, car: event.car, day: event.day, left: null });
        return;
      }
      case 'car-left':
        state.lots.get(event.lot)!.parked -= 1;
        state.cars.delete(event.car);
        state.tickets.get(event.ticket)!.left = at;
        return;
      default:
        throw event satisfies never;
    }
  },
  subject: (event) => event.lot,
  outbox(event, meta): OutgoingMessage[] {
    if (event.type !== 'car-parked' && event.type !== 'car-left') return [];
    return [
      {
        topic: 'run-progress',
        event: { id: event.token, type: event.type, source: 'parking', time: meta.at, data: { sequence: meta.sequence } },
        orderingKey: event.lot,
      },
    ];
  },
  tables: [lots, cars, tickets],
};
