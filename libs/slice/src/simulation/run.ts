/**
 * One seeded life of a slice: several processes that come, go, overlap and are cut off, clients that command and look, people who edit
 * rows by hand, then peace and a last owner, whose state, tables and messages are compared with a model that only knows the journal.
 */
import { isDeepStrictEqual } from 'node:util';
import { Refusal, Transient } from '@convergence/contracts';
import type { Bus, JournalRow, OutgoingMessage } from '@convergence/ports';
import { fakeCheckpointTables, fakeJournalStore, fakeOwnerStore } from '@convergence/testing';
import { OWN_TYPE } from '../core.ts';
import { openSlice } from '../open.ts';
import type { Point, Slice } from '../slice.ts';
import { OPEN_TICKETS, type ParkingCommand, type ParkingEvent, type ParkingState, parking } from './parking.ts';
import { type Process, World } from './world.ts';

const nothing = () => undefined;
const log = { info: nothing, warn: nothing, error: nothing };

interface Asked {
  readonly command: ParkingCommand;
  outcome: 'pending' | 'done' | 'refused' | 'unknown';
  /** Sequence that the answer rested on. */
  last: number;
}

/** Somebody's UPDATE of a lot's row. */
interface Edit {
  readonly lot: string;
  readonly limit: number;
  /** The journal as it was. */
  readonly after: number;
}

export interface Life {
  readonly points: ReadonlySet<Point>;
  readonly done: number;
  readonly epochs: number;
  readonly edits: number;
}

export async function live(
  seed: number,
  options: { readonly commands?: number; readonly trouble?: number; readonly crashes?: number } = {},
): Promise<Life> {
  const world = new World(seed, options.trouble ?? [0, 0.03, 0.08, 0.2][seed % 4]!);
  try {
    return await lived(world, options.commands ?? 40, options.crashes ?? 0.02);
  } catch (cause) {
    throw new Error(`SEED=${seed} fails: ${(cause as Error).message}\n${world.story.slice(-60).join('\n')}`, { cause });
  }
}

async function lived(world: World, commands: number, crashes: number): Promise<Life> {
  const { dice } = world;
  const journal = fakeJournalStore();
  const owners = fakeOwnerStore('parking');
  const tables = fakeCheckpointTables({ [OPEN_TICKETS]: (row) => row.left_at === null }, owners, () => world.pause());
  const published: OutgoingMessage[] = [];
  const early: string[] = [];
  const bus: Pick<Bus, 'publish'> = {
    async publish(messages) {
      for (const m of messages) {
        const row = journal.rows[(m.event.data as { sequence: number }).sequence - 1];
        if (!row?.data.includes(`"${m.event.id}"`)) early.push(m.event.id);
      }
      published.push(...messages);
    },
  };
  const points = new Set<Point>();
  const asked: Asked[] = [];
  const edits: Edit[] = [];
  const processes: { process: Process; slice: Slice<ParkingState, ParkingCommand> | undefined }[] = [];
  let peace = false;

  function start(): void {
    const process: Process = { name: `p${processes.length + 1}`, alive: true };
    const entry: (typeof processes)[number] = { process, slice: undefined };
    processes.push(entry);
    world.tell(`${process.name} starts`);
    openSlice({
      definition: parking,
      journal: world.unreliable(process, 'journal', journal),
      owners: world.unreliable(process, 'owners', owners),
      tables: world.unreliable(process, 'tables', tables),
      bus: world.unreliable(process, 'bus', bus),
      clock: world.clockFor(process),
      instance: process.name,
      checkpointSeconds: 1,
      refreshSeconds: 7,
      holdSeconds: 60,
      keptMessages: 2,
      rowsAtOnce: 1,
      log,
      at(point) {
        points.add(point);
        if (peace || !dice.chance(crashes)) return;
        world.tell(`${process.name} crashes at ${point}`);
        process.alive = false;
        return new Promise<void>(nothing);
      },
    }).then(
      (slice) => {
        entry.slice = slice;
        slice.onFenced((reason) => {
          world.tell(`${process.name} lost the slice: ${reason}`);
          process.alive = false;
        });
      },
      (cause: unknown) => {
        world.tell(`${process.name} did not start: ${String(cause)}`);
        if (!(cause instanceof Transient))
          asked.push({ command: { do: 'leave', car: '', token: String(cause) }, outcome: 'pending', last: 0 });
        process.alive = false;
      },
    );
  }
  const living = () => processes.filter((p) => p.process.alive);

  function command(n: number): ParkingCommand {
    const lot = `lot-${dice.below(3)}`;
    const car = `car-${dice.below(6)}`;
    const roll = dice.next();
    if (n < 3 || roll < 0.05) return { do: 'open', lot, limit: 1 + dice.below(4) };
    if (roll < 0.1) return { do: 'limit', lot, limit: 1 + dice.below(4) };
    return roll < 0.6 ? { do: 'park', lot, car, token: `t${n}` } : { do: 'leave', car, token: `t${n}` };
  }
  function ask(n: number): void {
    const { slice, process } = dice.pick(serving());
    if (dice.chance(0.15)) {
      const looked: Asked = { command: { do: 'leave', car: '', token: 'nobody' }, outcome: 'unknown', last: 0 };
      asked.push(looked);
      slice!
        .read((state) => state.last)
        .then(
          (last) => {
            looked.outcome = 'refused';
            looked.last = last;
          },
          () => {
            looked.outcome = 'unknown';
          },
        );
      return;
    }
    const entry: Asked = { command: command(n), outcome: 'unknown', last: 0 };
    asked.push(entry);
    slice!.execute<{ last: number }>(entry.command).then(
      (reply) => {
        entry.outcome = 'done';
        entry.last = reply.last;
        world.tell(`${process.name} did ${JSON.stringify(entry.command)}`);
      },
      (cause: unknown) => {
        if (cause instanceof Refusal) {
          entry.outcome = 'refused';
          entry.last = Number(cause.fields.last);
        } else if (!(cause instanceof Transient)) {
          entry.outcome = 'pending';
          world.tell(`unexpected: ${String(cause)}`);
        }
      },
    );
  }

  /**
   * A limit, which counts; or a count, which is the owner's alone and comes back. Each limit is a number of its own: what is set back to
   * what it was before nobody can see.
   */
  function edit(): void {
    const rows = tables.rows('lots');
    if (rows.length === 0) return;
    const lot = String(dice.pick(rows).lot);
    const limit = 1 + dice.below(4) + (edits.length + 1) / 1_000;
    if (dice.chance(0.3)) return tables.edit('lots', lot, { total: 1_000 + limit });
    world.tell(`somebody sets ${lot} to ${limit}`);
    edits.push({ lot, limit, after: journal.rows.length });
    tables.edit('lots', lot, { max_cars: limit });
  }

  const serving = () => living().filter((p) => p.slice);
  for (let n = 0; n < commands; n += 1) {
    for (let steps = 0; serving().length === 0; steps += 1) {
      if (living().length === 0) start();
      if (steps === 5_000 || !(await world.step())) throw new Error('nobody ever serves');
    }
    ask(n);
    const roll = dice.next();
    if (roll < 0.03) start();
    else if (roll < 0.05) {
      const victim = dice.pick(living());
      world.tell(`${victim.process.name} is killed`);
      victim.process.alive = false;
    }
    if (dice.chance(0.15)) edit();
    const until = world.now + (dice.chance(0.3) ? dice.below(6_000) : 0);
    for (let steps = dice.below(8); steps > 0 || world.now < until; steps -= 1) if (!(await world.step())) break;
  }
  for (let steps = 0; steps < 30; steps += 1) await world.step();

  // Peace: nothing goes wrong any more, whoever is left may go on, and a last one takes over.
  world.trouble = 0;
  peace = true;
  let last: Slice<ParkingState, ParkingCommand> | undefined;
  // More than one, when somebody's late call takes over from the first.
  for (let tries = 0; !last?.ready; tries += 1) {
    if (tries === 20) throw new Error('nobody can take over in peace');
    start();
    const entry = processes[processes.length - 1]!;
    await world.until(() => entry.slice !== undefined || !entry.process.alive, 'the last owner serves');
    last = entry.slice;
    const until = world.now + 80_000;
    world.later(80_000, nothing);
    await world.until(() => world.now >= until, 'time goes on');
  }
  const finalState = structuredClone(last.state);
  let closed = false;
  void last.close().then(() => {
    closed = true;
  });
  await world.until(() => closed, 'the last owner closes');

  if (early.length > 0) throw new Error(`published before it was durable: ${early}`);
  compare(journal.rows, asked, finalState, tables, published);
  compareEdits(journal.rows, edits);
  const done = asked.filter((a) => a.outcome === 'done').length;
  return { points, done, epochs: owners.rows.get('parking')!.epoch, edits: edits.length };
}

function must(truth: boolean, what: string): void {
  if (!truth) throw new Error(what);
}

/** Of each lot the newest edit took effect after it was made; and nobody heard of an edit that was none. */
function compareEdits(rows: readonly JournalRow[], edits: readonly Edit[]): void {
  const limits = rows.flatMap(({ sequence, data, type, actor }) => {
    if (type !== 'lot-opened' && type !== 'limit-set') return [];
    const { lot, limit } = JSON.parse(data) as { lot: string; limit: number };
    return [{ sequence, lot, limit, byEdit: actor !== null }];
  });
  for (const { lot, limit, after } of new Map(edits.map((edit) => [edit.lot, edit])).values()) {
    const heard = limits.some((l) => l.lot === lot && l.limit === limit && l.sequence > after);
    must(heard, `the edit of ${lot} to ${limit} is lost`);
  }
  for (const { lot, limit, byEdit, sequence } of limits) {
    const made = edits.some((e) => e.lot === lot && e.limit === limit && e.after < sequence);
    must(!byEdit || made, `${lot} was set to ${limit} for an edit that nobody made`);
  }
}

/** The model: rules of parking, once more and in the plainest way, over the journal alone. */
function compare(
  rows: readonly JournalRow[],
  asked: readonly Asked[],
  state: ParkingState,
  tables: ReturnType<typeof fakeCheckpointTables>,
  published: readonly OutgoingMessage[],
): void {
  for (const [i, row] of rows.entries()) {
    must(row.sequence === i + 1, `sequence ${i + 1} is missing or doubled`);
    must(i === 0 || (row.at >= rows[i - 1]!.at && row.epoch >= rows[i - 1]!.epoch), 'time or epoch runs backwards');
  }

  const lots = new Map<string, { limit: number; total: number }>();
  const cars = new Map<string, { lot: string; ticket: string; day: string }>();
  const tickets = new Map<string, { ticket: string; lot: string; car: string; parked_on: string; left_at: string | null }>();
  const tokens: string[] = [];
  for (const row of rows) {
    if (row.type.startsWith(OWN_TYPE)) continue;
    const event = JSON.parse(row.data) as ParkingEvent;
    if (event.type === 'lot-opened') {
      must(!lots.has(event.lot), 'a lot was opened twice');
      lots.set(event.lot, { limit: event.limit, total: 0 });
    } else if (event.type === 'limit-set') {
      lots.get(event.lot)!.limit = event.limit;
    } else if (event.type === 'car-parked') {
      must(
        [...cars.values()].filter((c) => c.lot === event.lot).length < lots.get(event.lot)!.limit,
        `${event.lot} took more cars than its limit`,
      );
      must(!cars.has(event.car), `${event.car} was parked twice`);
      cars.set(event.car, { lot: event.lot, ticket: event.token, day: event.day });
      tickets.set(event.token, { ticket: event.token, lot: event.lot, car: event.car, parked_on: event.day, left_at: null });
      lots.get(event.lot)!.total += 1;
      tokens.push(event.token);
    } else {
      must(cars.get(event.car)?.lot === event.lot, `${event.car} left without being there`);
      cars.delete(event.car);
      tickets.get(event.ticket)!.left_at = row.at;
      tokens.push(event.token);
    }
  }

  const times = (token: string) => tokens.filter((t) => t === token).length;
  for (const { command, outcome, last } of asked) {
    must(outcome !== 'pending', `unexpected failure: ${JSON.stringify(command)}`);
    must(
      last <= rows.length && (last === 0 || !rows[last - 1]!.type.startsWith(OWN_TYPE)),
      'an answer rested on what never became durable',
    );
    if (!('token' in command)) continue;
    must(times(command.token) <= 1, `${command.token} happened twice`);
    if (outcome === 'done') must(times(command.token) === 1, `${command.token} was answered and is lost`);
    if (outcome === 'refused') must(times(command.token) === 0, `${command.token} was refused and happened`);
  }

  const same = (a: unknown, b: unknown, what: string) =>
    must(isDeepStrictEqual(a, b), `${what}:\n${JSON.stringify(a)}\nmodel:\n${JSON.stringify(b)}`);
  const lotRows = [...lots].map(([lot, l]) => ({
    lot,
    max_cars: l.limit,
    parked: [...cars.values()].filter((c) => c.lot === lot).length,
    total: l.total,
  }));
  const carRows = [...cars].map(([car, c]) => ({ lot: c.lot, car, ticket: c.ticket, parked_on: c.day }));
  const sorted = (list: readonly object[]) => list.map((r) => JSON.stringify(r)).sort();
  same(
    sorted([...state.lots].map(([lot, l]) => ({ lot, max_cars: l.limit, parked: l.parked, total: l.total }))),
    sorted(lotRows),
    'lots in memory',
  );
  same(
    sorted([...state.cars].map(([car, c]) => ({ lot: c.lot, car, ticket: c.ticket, parked_on: c.day }))),
    sorted(carRows),
    'cars in memory',
  );
  same(sorted(tables.rows('lots')), sorted(lotRows), 'table lots');
  same(sorted(tables.rows('cars')), sorted(carRows), 'table cars');
  same(sorted(tables.rows('tickets')), sorted([...tickets.values()]), 'table tickets');
  same([...state.tickets.keys()].sort(), [...cars.values()].map((c) => c.ticket).sort(), 'tickets in memory');

  const first = [...new Set(published.map((m) => m.event.id))];
  same(first, tokens, 'messages, by their first publication');
}
