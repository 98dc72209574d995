/**
 * Becoming the owner: takes the slice over, shuts the predecessor out, and brings its state back.
 *
 * 1. The epoch is taken by compare-and-set; the stream to finalize is read after that, so no predecessor can record another one.
 * 2. Once the predecessor's stream is finalized nothing it decides can become durable: what the journal holds now is all there is.
 * 3. State = tables as their owner wrote them, overlaid by the redo rows, then every event after the checkpoint. A gap in the sequences
 *    is never replayed over.
 * 4. What was read only in part does not count: state comes of one reading from its first row to its last.
 * 5. The own stream is recorded under the own epoch before anything is appended to it.
 */
import { Transient } from '@convergence/contracts';
import type { CheckpointTables, Clock, JournalRow, JournalStore, OwnerRow, OwnerStore, Row } from '@convergence/ports';
import { begun } from './begun.ts';
import { keyOfRow, OWN_TYPE, SliceCore } from './core.ts';
import { type EventMeta, type SliceDefinition, storedAs, tableKey } from './definition.ts';
import type { Said } from './outbox.ts';
import { REDO, type RedoChunk } from './redo.ts';
import type { Point } from './slice.ts';

export interface RecoveryOptions<S, C, E extends { readonly type: string }> {
  readonly definition: SliceDefinition<S, C, E>;
  readonly journal: JournalStore;
  readonly owners: OwnerStore;
  readonly tables: CheckpointTables;
  readonly clock: Clock;
  readonly instance: string;
  readonly keptMessages?: number;
  readonly at?: ((point: Point) => void | Promise<void>) | undefined;
  /** Called when there is much to take in. */
  readonly onMuch?: (() => void) | undefined;
}
export interface Recovered<S, C, E extends { readonly type: string }> {
  readonly core: SliceCore<S, C, E>;
  readonly epoch: number;
  readonly stream: string;
  readonly streamStart: number;
  readonly published: number;
  readonly publishedAt: string | null;
  readonly unpublished: Unpublished<E>;
  readonly predecessorReleased: boolean;
  readonly foundMarked: ReadonlySet<number>;
  readonly replayed: number;
}

/** Durable events that say something, and are not known to be published. Many are not kept: the rest is read again, after this sequence. */
export interface Unpublished<E> {
  readonly events: readonly { event: E; meta: EventMeta }[];
  readonly restAfter: number | undefined;
}
const KEPT = 10_000;
/** Rows of tables or journal. */
const MUCH = 5_000;

const changing = (detail: string, cause?: unknown) => new Transient(detail, { code: 'owner.changing', cause });
/** Rows that were acknowledged may take a moment until a query sees them. */
const LOOKS = 20;
const ATTEMPTS = 3;

export async function recover<S, C, E extends { readonly type: string }>(options: RecoveryOptions<S, C, E>): Promise<Recovered<S, C, E>> {
  const { definition, journal, owners, instance } = options;
  const { name } = definition;
  const before = await owners.read(name);
  if (!before) throw new Error(`slice_owners has no row for ${name}: provision the tables first`);
  const epoch = before.epoch + 1;
  if (!(await owners.takeOver(name, before.epoch, instance))) throw changing(`Another instance of ${name} started at the same time.`);
  await options.at?.('taken-over');
  const row = await owners.read(name);
  if (row?.epoch !== epoch || row.owner !== instance) throw changing(`Another instance of ${name} took over meanwhile.`);

  const written = row.stream === null ? 0 : await journal.finalize(row.stream);
  await options.at?.('finalized');

  const known = written === undefined ? undefined : row.streamStart + written;
  const { core, foundMarked, unpublished, replayed, end } = await remember(options, row, known);

  const stream = await journal.createStream();
  await options.at?.('stream-created');
  if (!(await owners.record(name, epoch, instance, { stream, streamStart: end, released: false }))) {
    throw changing(`Another instance of ${name} took over meanwhile.`);
  }
  await options.at?.('stream-recorded');
  return {
    core,
    epoch,
    stream,
    streamStart: end,
    published: row.published,
    publishedAt: row.publishedAt,
    unpublished,
    predecessorReleased: row.released,
    foundMarked,
    replayed,
  };
}

/** What can not be read to its end is read again from its beginning: nothing of it changes any more. */
async function remember<S, C, E extends { readonly type: string }>(
  options: RecoveryOptions<S, C, E>,
  owner: OwnerRow,
  known: number | undefined,
) {
  const { definition, owners, clock } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const core = new SliceCore(definition, owner.epoch);
      let rows = 0;
      const onPage = (page: readonly unknown[]) => {
        if (rows <= MUCH && rows + page.length > MUCH) options.onMuch?.();
        rows += page.length;
      };
      // The warehouse looks for the events' first rows while the tables are taken in.
      const journalled = begun(readEvents(options, owner, known));
      const foundMarked = await loadTables(options, core, owner, onPage);
      await options.at?.('loaded');
      const replayed = await replay(options, core, owner, known, journalled, onPage);
      await options.at?.('replayed');
      return { core, foundMarked, ...replayed };
    } catch (cause) {
      // Whoever took over meanwhile writes tables that go no more with what was read.
      const now = await owners.read(definition.name);
      if (now?.epoch !== owner.epoch || now.owner !== owner.owner)
        throw changing(`Another instance of ${definition.name} took over meanwhile.`, cause);
      if (!(cause instanceof Transient) || cause.code === 'owner.changing' || attempt === ATTEMPTS) throw cause;
      await clock.sleep(1_000 * attempt);
    }
  }
}

/** Redo rows and the tables under them; the former stay dirty: no table need have them. Nothing is held but a page of each, and keys. */
async function loadTables<S, C, E extends { readonly type: string }>(
  options: RecoveryOptions<S, C, E>,
  core: SliceCore<S, C, E>,
  owner: OwnerRow,
  onPage: (page: readonly unknown[]) => void,
): Promise<Set<number>> {
  const { definition, tables } = options;
  const redo = redoOf(options, owner);
  const foundMarked = new Set<number>();
  // Redo rows come in the order of the tables.
  let chunk = await redo.next();
  // The warehouse works on the next table while this one is taken in.
  const readers = definition.tables.map((table) => () => begun(tables.load(storedAs(table), table.loadWhere)));
  let coming = readers[0]?.();
  for (const [i, table] of definition.tables.entries()) {
    const pages = coming!;
    coming = readers[i + 1]?.();
    const over = new Set<string>();
    const renamed = new Map<string, Row>();
    for (; !chunk.done && chunk.value.table === table.table.name; chunk = await redo.next()) {
      const { rows } = chunk.value;
      table.load(
        core.state,
        rows.flatMap(({ row }) => (row ? [row] : [])),
      );
      for (const { key, sequence, partition } of rows) {
        const name = tableKey(...Object.values(key));
        over.add(name);
        core.touch(i, name, sequence, { partition, fresh: true });
      }
    }
    for await (const page of pages) {
      onPage(page);
      const live: Row[] = [];
      for (const stored of page) {
        if (stored.deleted) foundMarked.add(i);
        // What somebody else inserted or changed is no state before it was decided on.
        if (stored.deleted || stored.sequence === null) continue;
        const row = stored.was ?? stored.row;
        const key = keyOfRow(table.key, row);
        if (over.has(key)) continue;
        if (stored.was && key !== keyOfRow(table.key, stored.row)) renamed.set(key, row);
        else live.push(row);
      }
      if (live.length > 0) table.load(core.state, live);
    }
    if (renamed.size === 0) continue;
    // The owner may have written the row anew since somebody gave it another key.
    for await (const rows of tables.keys(storedAs(table))) for (const row of rows) renamed.delete(keyOfRow(table.key, row));
    table.load(core.state, [...renamed.values()]);
  }
  if (!chunk.done) throw new Error(`${definition.name}: redo rows of ${chunk.value.table} come out of turn`);
  core.moveTo(owner.checkpoint, owner.checkpointAt);
  return foundMarked;
}

async function* redoOf<S, C, E extends { readonly type: string }>(
  { definition, journal }: RecoveryOptions<S, C, E>,
  { redoFirst, redoLast, checkpointAt }: OwnerRow,
): AsyncGenerator<RedoChunk> {
  if (redoFirst > redoLast) return;
  let expected = redoFirst;
  for await (const page of journal.read(redoFirst - 1, { through: redoLast, since: checkpointAt ?? undefined, large: true })) {
    for (const row of page) {
      if (row.sequence !== expected) throw new Error(`${definition.name}: redo row ${expected} is missing from the journal`);
      expected += 1;
      if (row.type === OWN_TYPE + REDO) yield JSON.parse(row.data) as RedoChunk;
    }
  }
  if (expected <= redoLast) throw changing(`${definition.name}: the journal does not show its redo rows yet`);
}

/** Events with what they say, from the journal, for who publishes more than was kept. */
export async function* readAgain<S, C, E extends { readonly type: string }>(
  { definition, journal }: Pick<RecoveryOptions<S, C, E>, 'definition' | 'journal'>,
  after: number,
  through: number,
  since: string | null,
): AsyncGenerator<readonly Said[]> {
  let last = after;
  for await (const page of journal.read(after, { through, since: since ?? undefined, withoutDataOf: OWN_TYPE + REDO })) {
    yield page.map((row) => {
      if (row.sequence !== last + 1) throw new Error(`${definition.name}: the journal goes from sequence ${last} to ${row.sequence}`);
      last = row.sequence;
      if (row.type.startsWith(OWN_TYPE)) return { sequence: row.sequence, at: row.at, messages: [] };
      const { event, meta } = journalled<E>(row);
      return { sequence: row.sequence, at: row.at, messages: definition.outbox(event, meta) };
    });
  }
  if (last < through) throw changing(`${definition.name}: the journal does not show all of its rows`);
}

function journalled<E>({ data, sequence, at, actor, trace_id }: JournalRow): { event: E; meta: EventMeta } {
  return { event: JSON.parse(data) as E, meta: { sequence, at, actor, traceId: trace_id } };
}

/** Sequence before the first event that is to be replayed or published. */
const firstOf = (owner: OwnerRow): number => Math.min(owner.checkpoint, owner.published);

function readEvents<S, C, E extends { readonly type: string }>(
  { journal }: RecoveryOptions<S, C, E>,
  owner: OwnerRow,
  known: number | undefined,
  after = firstOf(owner),
): AsyncIterable<readonly JournalRow[]> {
  const since = owner.published < owner.checkpoint ? owner.publishedAt : owner.checkpointAt;
  return journal.read(after, { since: since ?? undefined, through: known, withoutDataOf: OWN_TYPE + REDO });
}

async function replay<S, C, E extends { readonly type: string }>(
  options: RecoveryOptions<S, C, E>,
  core: SliceCore<S, C, E>,
  owner: OwnerRow,
  known: number | undefined,
  begunBefore: AsyncIterable<readonly JournalRow[]>,
  onPage: (page: readonly unknown[]) => void,
): Promise<{ unpublished: Unpublished<E>; replayed: number; end: number }> {
  const { definition, clock, keptMessages = KEPT } = options;
  const events: { event: E; meta: EventMeta }[] = [];
  let restAfter: number | undefined;
  let last = firstOf(owner);
  let replayed = 0;

  const take = (row: JournalRow): void => {
    if (row.sequence !== last + 1) {
      throw new Error(`${definition.name}: the journal goes from sequence ${last} to ${row.sequence}`);
    }
    last = row.sequence;
    if (row.type.startsWith(OWN_TYPE)) {
      core.moveTo(row.sequence > owner.checkpoint ? row.sequence : 0, row.at);
      return;
    }
    const { event, meta } = journalled<E>(row);
    if (row.sequence > owner.checkpoint) {
      core.replay(event, meta);
      replayed += 1;
    }
    if (restAfter !== undefined || row.sequence <= owner.published || definition.outbox(event, meta).length === 0) return;
    if (events.length < keptMessages) events.push({ event, meta });
    else restAfter = row.sequence - 1;
  };

  const look = async (pages: AsyncIterable<readonly JournalRow[]>) => {
    for await (const page of pages) {
      onPage(page);
      for (const row of page) take(row);
    }
  };
  // A stream so old that it is gone was written long ago: what a query shows is all.
  await look(begunBefore);
  for (let looks = 1; known !== undefined && last < known; looks += 1) {
    if (looks === LOOKS) throw changing(`${definition.name}: the journal shows rows up to ${last}, but its stream holds ${known}`);
    await clock.sleep(100 * looks);
    await look(readEvents(options, owner, known, last));
  }
  const end = Math.max(last, known ?? owner.streamStart, owner.redoLast);
  core.moveTo(end, null);
  return { unpublished: { events, restAfter }, replayed, end };
}
