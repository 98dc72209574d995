/**
 * The state of a slice and what of it no table shows yet. Synchronous; it knows no journal, table or clock.
 *
 * 1. What is applied was JSON before: the live state and a replayed one can't differ by what JSON drops.
 * 2. Sequences have no gaps; times never run backwards.
 * 3. A key is dirty from the event that touches it until a checkpoint that contains it is in the table.
 * 4. All rows of a checkpoint show the moment when it took its keys, though they are made a few at a time.
 */
import type { CheckpointRow, JournalRow, TableRow } from '@convergence/ports';
import { type Decision, type EventMeta, keyParts, type SliceDefinition, type TableProjection, tableKey } from './definition.ts';

interface Dirt {
  sequence: number;
  /** Partition of the row that may lie in the table. */
  partition: string | undefined;
  /** An edit that was looked at and is to be replaced. */
  over?: string | undefined;
  /** The table need not have a row of it yet. Known where the definition tells all keys. */
  fresh?: boolean | undefined;
  /** Of one that a checkpoint took: its row, made before an event changed it; null when the checkpoint has it. */
  made?: CheckpointRow | null | undefined;
}
export type DirtyKeys = readonly Map<string, Dirt>[];

/** The journal takes rows of 10 MB. */
const MAX_COMMAND_BYTES = 5_000_000;
const hasControl = (text: string): boolean => {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) < 32) return true;
  return false;
};

/** Types of journal rows that are the slice's own, not events. */
export const OWN_TYPE = 'slice.';

export class SliceCore<S, C, E extends { readonly type: string }> {
  readonly state: S;
  sequence = 0;
  #time = 0;
  #lastAt = '';
  #epoch: number;
  readonly #definition: SliceDefinition<S, C, E>;
  #dirty: Map<string, Dirt>[];
  /** Keys that a checkpoint takes rows of. */
  #taken: Map<string, Dirt>[] | undefined;

  constructor(definition: SliceDefinition<S, C, E>, epoch: number) {
    this.#definition = definition;
    this.#epoch = epoch;
    this.state = definition.initial();
    this.#dirty = definition.tables.map(() => new Map());
  }

  get at(): string {
    return new Date(this.#time).toISOString();
  }
  moveTo(sequence: number, at: string | null): void {
    this.sequence = Math.max(this.sequence, sequence);
    // What is replayed often happened in one moment.
    if (!at || at === this.#lastAt) return;
    this.#lastAt = at;
    this.#time = Math.max(this.#time, Date.parse(at));
  }

  decide(command: C, now: number, random: () => string): Decision<E> {
    this.#time = Math.max(this.#time, now);
    return this.#definition.decide(this.state, command, { now: this.#time, random });
  }

  /** What can't be journalled is a bug of who decided it, and seen before anything is applied. */
  prepare(events: readonly E[]): { event: E; data: string; subject: string }[] {
    let bytes = 0;
    const prepared = events.map((given) => {
      const data = JSON.stringify(given);
      const event = JSON.parse(data) as E;
      const subject = this.#definition.subject(event);
      if (hasControl(subject) || hasControl(event.type)) throw new RangeError(`${event.type}: a control character in its subject or type`);
      bytes += data.length;
      return { event, data, subject };
    });
    if (bytes > MAX_COMMAND_BYTES) throw new RangeError(`a command with ${bytes} bytes of events`);
    return prepared;
  }

  /** Applies the events and gives the rows to be journalled. */
  stage(
    prepared: readonly { event: E; data: string; subject: string }[],
    actor: string | null,
    traceId: string | null,
  ): { rows: JournalRow[]; events: { event: E; meta: EventMeta }[] } {
    const at = this.at;
    const rows: JournalRow[] = [];
    const applied: { event: E; meta: EventMeta }[] = [];
    for (const { event, data, subject } of prepared) {
      const sequence = this.sequence + 1;
      const meta = { sequence, at, actor, traceId };
      this.#apply(event, meta);
      rows.push({ sequence, epoch: this.#epoch, at, subject, type: event.type, data, actor, trace_id: traceId });
      applied.push({ event, meta });
    }
    return { rows, events: applied };
  }

  /** A row of the slice's own: takes a sequence, changes nothing. */
  stageOwn(type: string, data: string): JournalRow {
    this.sequence += 1;
    return {
      sequence: this.sequence,
      epoch: this.#epoch,
      at: this.at,
      subject: this.#definition.name,
      type: OWN_TYPE + type,
      data,
      actor: null,
      trace_id: null,
    };
  }

  replay(event: E, meta: EventMeta): void {
    this.moveTo(meta.sequence - 1, meta.at);
    this.#apply(event, meta);
  }

  #apply(event: E, meta: EventMeta): void {
    // Once for each event of a recovery and each table: by index, which makes no garbage.
    const { tables } = this.#definition;
    for (let i = 0; i < tables.length; i += 1) {
      const table = tables[i]!;
      for (const key of table.touches(event, this.state)) this.#mark(i, table, key, meta.sequence);
    }
    this.#definition.apply(this.state, event, meta);
    this.sequence = meta.sequence;
  }

  #mark(index: number, table: TableProjection<S, C, E>, key: string, sequence: number): void {
    const taken = this.#taken?.[index]?.get(key);
    if (taken && taken.made === undefined) taken.made = this.#rowOf(index, key, taken);
    const fresh = table.all && !table.all(this.state).has(key);
    const dirt = this.#dirty[index]!.get(key);
    if (dirt) {
      dirt.sequence = sequence;
      // One that went and comes again: a merge of unknown outcome may have removed its row.
      dirt.fresh ||= fresh;
    } else this.#dirty[index]!.set(key, { sequence, partition: this.#partition(table, key), fresh });
  }
  /** Has the row written at the next checkpoint, whatever the table shows. */
  touch(
    index: number,
    key: string,
    sequence: number,
    known: { readonly partition?: string | undefined; readonly over?: string; readonly fresh?: boolean } = {},
  ): void {
    const dirt = this.#dirty[index]!.get(key);
    if (dirt) {
      dirt.sequence = Math.max(dirt.sequence, sequence);
      dirt.over = known.over ?? dirt.over;
      dirt.fresh = known.fresh ?? dirt.fresh;
    } else {
      const table = this.#definition.tables[index]!;
      const partition = known.partition ?? this.#partition(table, key);
      this.#dirty[index]!.set(key, { sequence, partition, over: known.over, fresh: known.fresh });
    }
  }

  /** Asked of every event's keys: a whole row is made only where its partition matters. */
  #partition(table: TableProjection<S, C, E>, key: string): string | undefined {
    return table.table.partitionBy && partitionOf(table, table.row(this.state, key));
  }

  get dirty(): number {
    return this.#dirty.reduce((sum, keys) => sum + keys.size, 0);
  }
  isFresh(index: number, key: string): boolean {
    return this.#dirty[index]!.get(key)?.fresh === true;
  }
  /** Of the table that shows `all`: rows that it has, unless somebody else deleted them; one that is about to leave among them. */
  writtenIn(index: number, all: ReadonlyMap<string, unknown>): number {
    let count = all.size;
    for (const [key, { fresh }] of this.#dirty[index]!) {
      if (fresh) count -= all.has(key) ? 1 : 0;
      else if (!all.has(key)) count += 1;
    }
    return count;
  }
  dirtyIn(index: number): number {
    return this.#dirty[index]!.size;
  }
  isDirty(index: number, key: string): boolean {
    return this.#dirty[index]!.has(key);
  }
  /** The keys, and their rows as of now: to be asked for before the next ones are taken. */
  takeDirty(): { keys: DirtyKeys; rows(atOnce: number): Generator<{ index: number; rows: CheckpointRow[] }> } {
    const keys = this.#dirty;
    this.#dirty = keys.map(() => new Map());
    this.#taken = keys;
    return { keys, rows: (atOnce) => this.#takeRows(keys, atOnce) };
  }
  *#takeRows(keys: DirtyKeys, atOnce: number): Generator<{ index: number; rows: CheckpointRow[] }> {
    for (const [index, dirty] of keys.entries()) {
      let rows: CheckpointRow[] = [];
      for (const [key, dirt] of dirty) {
        const row = dirt.made === undefined ? this.#rowOf(index, key, dirt) : dirt.made;
        dirt.made = null;
        if (row && rows.push(row) === atOnce) {
          yield { index, rows };
          rows = [];
        }
      }
      if (rows.length > 0) yield { index, rows };
    }
    this.#taken = undefined;
  }
  /** After a checkpoint that failed. */
  putBack(taken: DirtyKeys): void {
    this.#taken = undefined;
    for (const [i, keys] of taken.entries()) this.putBackTable(i, keys);
  }
  putBackTable(index: number, keys: ReadonlyMap<string, Dirt>): void {
    for (const [key, dirt] of keys) {
      dirt.made = undefined;
      const newer = this.#dirty[index]!.get(key);
      if (newer) {
        newer.partition ??= dirt.partition;
        newer.fresh ||= dirt.fresh;
      } else this.#dirty[index]!.set(key, dirt);
    }
  }

  /** Null where the table's row stays as it is. */
  #rowOf(index: number, key: string, dirt: Dirt): CheckpointRow | null {
    const table = this.#definition.tables[index]!;
    const row = table.row(this.state, key);
    if (row === null) return null;
    // Remembered, for the case that this checkpoint fails half-way and the row is gone at the next one.
    const lies = partitionOf(table, row) ?? dirt.partition;
    dirt.partition = lies;
    // Came and went between two checkpoints: no table ever saw it.
    if (row === undefined && table.table.partitionBy && lies === undefined) return null;
    const parts = keyParts(key);
    const columns: Record<string, string> = {};
    for (let i = 0; i < table.key.length; i += 1) columns[table.key[i]!] = parts[i] ?? '';
    return {
      key: columns,
      sequence: dirt.sequence,
      row: row ?? null,
      partition: lies,
      ...(dirt.over !== undefined && { over: dirt.over }),
    };
  }
}

function partitionOf<S, C, E>(table: TableProjection<S, C, E>, row: TableRow | undefined | null): string | undefined {
  const column = table.table.partitionBy?.column;
  const value = column === undefined ? undefined : row?.[column];
  return value === undefined || value === null ? undefined : String(value);
}

export const keyOfRow = (key: readonly string[], row: Readonly<Record<string, unknown>>): string =>
  tableKey(...key.map((column) => String(row[column])));
