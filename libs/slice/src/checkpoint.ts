/**
 * Brings the tables up to the state. Order is everything here:
 *
 * 1. The changed rows go into the journal first (redo), as of one sequence, the position; events that come meanwhile stand between them.
 * 2. Then slice_owners says: state at the position = tables + those redo rows. This is refused when the epoch is gone, so that a
 *    deposed owner starts no merge.
 * 3. Only then are the tables merged, each on its own. A crash in between leaves tables half new; the redo rows make them whole.
 *    Once all are merged and nothing else is to do, slice_owners says that they are not needed.
 * 4. Keys stay dirty until all of it succeeded, so the next redo holds all that any table may lack.
 * 5. A row that somebody edited and nobody looked at yet stays as it is in the table, and dirty here, until the edit was adopted.
 * 6. Dead rows leave at once, unless a statement that could bring them back may still be under way: of a predecessor that did not
 *    leave in peace, or an own one whose outcome is unknown. Then they are marked, and purged when the hold is over.
 */
import type { CheckpointTables, Clock, OwnerChange, OwnerStore } from '@convergence/ports';
import type { SliceCore } from './core.ts';
import { type SliceDefinition, storedAs } from './definition.ts';
import { PackedRows, redoChunks } from './redo.ts';
import type { Point } from './slice.ts';

export interface CheckpointOptions<S, C, E extends { readonly type: string }> {
  readonly definition: SliceDefinition<S, C, E>;
  readonly core: SliceCore<S, C, E>;
  readonly owners: OwnerStore;
  readonly tables: CheckpointTables;
  readonly clock: Clock;
  readonly instance: string;
  readonly epoch: number;
  readonly holdMilliseconds: number;
  /** When recovery ended and what it found. */
  readonly predecessorReleased: boolean;
  readonly foundMarked: ReadonlySet<number>;
  /** Journals rows of the slice's own and resolves when they are durable. */
  journal(chunks: readonly string[]): Promise<{ first: number; last: number }>;
  published(): { published: number; publishedAt: string | null };
  readonly rowsAtOnce?: number | undefined;
  onDeposed(): void;
  /** Edits wait in the tables. */
  onEdited(): void;
  readonly at?: ((point: Point) => void | Promise<void>) | undefined;
}
export interface Checkpointer {
  /** False when there was nothing to do. Not while another one is under way. */
  run(): Promise<boolean>;
  /** Nobody's statement can be under way any more. */
  readonly calm: boolean;
  readonly position: number;
  /** What the owner's row may say now that the tables hold all of the position: the next one reads no redo rows. */
  readonly settled: Pick<OwnerChange, 'checkpoint' | 'redoFirst' | 'redoLast'>;
}
/** So many are made within some milliseconds, */
const ROWS_AT_ONCE = 250;
/** and so many texts, a megabyte, go out together. */
const CHUNKS_AT_ONCE = 64;
/** None. */
const NO_REDO = { redoFirst: 1, redoLast: 0 };

export function checkpointer<S, C, E extends { readonly type: string }>(options: CheckpointOptions<S, C, E>): Checkpointer {
  const { definition, core, owners, tables, clock, instance, epoch, rowsAtOnce = ROWS_AT_ONCE } = options;
  let holdUntil = options.predecessorReleased ? 0 : clock.now() + options.holdMilliseconds;
  const marked = new Set(options.foundMarked);
  let position = -1;
  let recordedPublished = -1;
  /** The owner's row names redo rows that the tables do not need. */
  let redoMerged = false;
  // The position goes with it: a record that comes late must not take the redo rows of a later checkpoint away.
  const settled = () => (redoMerged ? { checkpoint: position, ...NO_REDO } : {});

  async function record(change: Parameters<OwnerStore['record']>[3]): Promise<boolean> {
    const published = options.published();
    const mine = await owners.record(definition.name, epoch, instance, { ...change, ...published });
    if (mine) recordedPublished = published.published;
    else options.onDeposed();
    return mine;
  }

  async function write(): Promise<boolean> {
    const calm = clock.now() >= holdUntil;
    if (core.dirty === 0) {
      if (calm && marked.size > 0) await purge();
      if (options.published().published <= recordedPublished && !redoMerged) return false;
      const mine = await record(settled());
      if (mine) redoMerged = false;
      await options.at?.('settled');
      return mine;
    }
    core.moveTo(0, new Date(clock.now()).toISOString());
    const at = core.at;
    const through = core.sequence;
    const taken = core.takeDirty();
    redoMerged = false;
    try {
      let allLeft = 0;
      const { rows, first, last } = await redo(taken);
      await options.at?.('redo-written');
      if (!(await record({ checkpoint: through, checkpointAt: at, redoFirst: first, redoLast: last }))) return false;
      await options.at?.('checkpoint-recorded');
      for (const [i, changed] of rows.entries()) {
        if (changed.count === 0) continue;
        if (!calm && changed.dead) marked.add(i);
        const left = await tables.merge(tableOf(i), changed, {
          dead: calm ? 'remove' : 'mark',
          guard: { slice: definition.name, epoch },
          id: `${definition.name}-${instance}-${epoch}-${first}-${i}`,
        });
        allLeft += left;
        if (left > 0) {
          // Which ones is not known; those that were written are written again.
          core.putBackTable(i, taken.keys[i]!);
          options.onEdited();
        }
        rows[i] = new PackedRows();
        await options.at?.('table-merged');
      }
      position = through;
      redoMerged = allLeft === 0;
    } catch (cause) {
      core.putBack(taken.keys);
      holdUntil = clock.now() + options.holdMilliseconds;
      throw cause;
    }
    for (const [i, keys] of taken.keys.entries()) await forget(i, keys);
    await options.at?.('checkpoint-done');
    if (calm && marked.size > 0) await purge();
    return true;
  }

  const tableOf = (index: number) => storedAs(definition.tables[index]!);

  /** Journals the changed rows, some at a time: commands go on meanwhile. */
  async function redo(taken: ReturnType<typeof core.takeDirty>): Promise<{ rows: PackedRows[]; first: number; last: number }> {
    const rows = definition.tables.map(() => new PackedRows());
    let chunks: string[] = [];
    let first: number | undefined;
    let made = 0;
    for (const { index, rows: piece } of taken.rows(rowsAtOnce)) {
      if (made >= rowsAtOnce) {
        await clock.sleep(1);
        made = 0;
      }
      made += piece.length;
      const texts = redoChunks(definition.tables[index]!.table.name, piece);
      rows[index]!.add(piece, texts);
      chunks.push(...texts);
      if (chunks.length < CHUNKS_AT_ONCE) continue;
      first ??= (await options.journal(chunks)).first;
      chunks = [];
    }
    const rest = await options.journal(chunks);
    return { rows, first: first ?? rest.first, last: rest.last };
  }

  async function forget(index: number, keys: ReadonlyMap<string, unknown>): Promise<void> {
    const history = definition.tables[index]!.history;
    if (!history) return;
    let looked = 0;
    for (const key of keys.keys()) {
      looked += 1;
      if (looked % rowsAtOnce === 0) await clock.sleep(1);
      if (!core.isDirty(index, key) && history.closed(core.state, key)) history.forget(core.state, key);
    }
  }

  async function purge(): Promise<void> {
    for (const index of marked) {
      await tables.purge(tableOf(index), core.sequence);
      marked.delete(index);
    }
    await options.at?.('purged');
  }

  return {
    run: write,
    get calm() {
      return clock.now() >= holdUntil;
    },
    get position() {
      return position;
    },
    get settled() {
      return settled();
    },
  };
}
