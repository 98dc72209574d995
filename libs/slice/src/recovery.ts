/**
 * Becoming the owner: takes the slice over, shuts the predecessor out, and brings its state back.
 *
 * 1. The epoch is taken by compare-and-set; the stream to finalize is read after that, so no predecessor can record another one.
 * 2. Once the predecessor's stream is finalized nothing it decides can become durable: what the journal holds now is all there is.
 * 3. State = tables as their owner wrote them, overlaid by the redo rows, then every event after the checkpoint. A gap in the sequences
 *    is never replayed over.
 * 4. The own stream is recorded under the own epoch before anything is appended to it.
 */
import { Transient } from '@convergence/contracts';
import type { CheckpointRow, CheckpointTables, Clock, JournalRow, JournalStore, OwnerRow, OwnerStore, Row } from '@convergence/ports';
import { keyOfRow, OWN_TYPE, SliceCore } from './core.ts';
import { type EventMeta, type SliceDefinition, storedAs, tableKey } from './definition.ts';
import { REDO, type RedoChunk } from './redo.ts';
import type { Point } from './slice.ts';

export interface RecoveryOptions<S, C, E extends { readonly type: string }> {
  readonly definition: SliceDefinition<S, C, E>;
  readonly journal: JournalStore;
  readonly owners: OwnerStore;
  readonly tables: CheckpointTables;
  readonly clock: Clock;
  readonly instance: string;
  readonly at?: ((point: Point) => void | Promise<void>) | undefined;
}
export interface Recovered<S, C, E extends { readonly type: string }> {
  readonly core: SliceCore<S, C, E>;
  readonly epoch: number;
  readonly stream: string;
  readonly streamStart: number;
  readonly published: number;
  readonly publishedAt: string | null;
  /** Durable, and not known to be published. */
  readonly unpublished: readonly { event: E; meta: EventMeta }[];
  readonly predecessorReleased: boolean;
  readonly foundMarked: ReadonlySet<number>;
  readonly replayed: number;
}

const changing = (detail: string) => new Transient(detail, { code: 'owner.changing' });
/** Rows that were acknowledged may take a moment until a query sees them. */
const LOOKS = 20;

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

  const core = new SliceCore(definition, epoch);
  const foundMarked = await loadTables(options, core, row);
  await options.at?.('loaded');
  const { unpublished, replayed, end } = await replay(options, core, row, written === undefined ? undefined : row.streamStart + written);
  await options.at?.('replayed');

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

/** Tables overlaid by redo rows, which stay dirty: no table need have them. */
async function loadTables<S, C, E extends { readonly type: string }>(
  options: RecoveryOptions<S, C, E>,
  core: SliceCore<S, C, E>,
  owner: OwnerRow,
): Promise<Set<number>> {
  const { definition, journal, tables } = options;
  const redo = new Map<string, Map<string, CheckpointRow>>();
  let expected = owner.redoFirst;
  if (owner.redoFirst <= owner.redoLast) {
    const range = { through: owner.redoLast, since: owner.checkpointAt ?? undefined, large: true };
    for await (const page of journal.read(owner.redoFirst - 1, range)) {
      for (const row of page) {
        if (row.sequence !== expected) throw new Error(`${definition.name}: redo row ${expected} is missing from the journal`);
        expected += 1;
        if (row.type !== OWN_TYPE + REDO) continue;
        const chunk = JSON.parse(row.data) as RedoChunk;
        const rows = redo.get(chunk.table) ?? new Map<string, CheckpointRow>();
        redo.set(chunk.table, rows);
        for (const changed of chunk.rows) rows.set(tableKey(...Object.values(changed.key)), changed);
      }
    }
    if (expected <= owner.redoLast) throw changing(`${definition.name}: the journal does not show its redo rows yet`);
  }

  const foundMarked = new Set<number>();
  for (const [i, table] of definition.tables.entries()) {
    const over = redo.get(table.table.name);
    for await (const page of tables.load(storedAs(table), table.loadWhere)) {
      const live: Row[] = [];
      for (const stored of page) {
        if (stored.deleted) foundMarked.add(i);
        // What somebody else inserted or changed is no state before it was decided on.
        else if (stored.sequence !== null && !over?.has(keyOfRow(table.key, stored.row))) live.push(stored.was ?? stored.row);
      }
      if (live.length > 0) table.load(core.state, live);
    }
    if (!over) continue;
    const rows = [...over.values()];
    table.load(
      core.state,
      rows.flatMap((r) => (r.row ? [r.row] : [])),
    );
    for (const [key, changed] of over) core.touch(i, key, changed.sequence, { partition: changed.partition });
  }
  core.moveTo(owner.checkpoint, owner.checkpointAt);
  return foundMarked;
}

async function replay<S, C, E extends { readonly type: string }>(
  options: RecoveryOptions<S, C, E>,
  core: SliceCore<S, C, E>,
  owner: OwnerRow,
  known: number | undefined,
): Promise<{ unpublished: { event: E; meta: EventMeta }[]; replayed: number; end: number }> {
  const { definition, journal, clock } = options;
  const unpublished: { event: E; meta: EventMeta }[] = [];
  let last = Math.min(owner.checkpoint, owner.published);
  let replayed = 0;
  const since = owner.published < owner.checkpoint ? owner.publishedAt : owner.checkpointAt;

  const take = (row: JournalRow): void => {
    if (row.sequence !== last + 1) {
      throw new Error(`${definition.name}: the journal goes from sequence ${last} to ${row.sequence}`);
    }
    last = row.sequence;
    if (row.type.startsWith(OWN_TYPE)) {
      core.moveTo(row.sequence > owner.checkpoint ? row.sequence : 0, row.at);
      return;
    }
    const event = JSON.parse(row.data) as E;
    const meta: EventMeta = { sequence: row.sequence, at: row.at, actor: row.actor, traceId: row.trace_id };
    if (row.sequence > owner.checkpoint) {
      core.replay(event, meta);
      replayed += 1;
    }
    if (row.sequence > owner.published && definition.outbox(event, meta).length > 0) unpublished.push({ event, meta });
  };

  const look = async () => {
    const range = { since: since ?? undefined, through: known, withoutDataOf: OWN_TYPE + REDO };
    for await (const page of journal.read(last, range)) {
      for (const row of page) take(row);
    }
  };
  // A stream so old that it is gone was written long ago: what a query shows is all.
  if (known === undefined) await look();
  for (let looks = 0; known !== undefined && last < known; looks += 1) {
    if (looks === LOOKS) throw changing(`${definition.name}: the journal shows rows up to ${last}, but its stream holds ${known}`);
    if (looks > 0) await clock.sleep(100 * looks);
    await look();
  }
  const end = Math.max(last, known ?? owner.streamStart, owner.redoLast);
  core.moveTo(end, null);
  return { unpublished, replayed, end };
}
