/**
 * `slice_owners` in the warehouse.
 *
 * 1. A conditional UPDATE is a compare-and-set there: of two that change rows of one table, one is run again on what the other left.
 * 2. INSERT is not, so provisioning may leave two rows for a slice; the newest epoch counts, and no older row is ever moved.
 */
import type { OwnerChange, OwnerRow, OwnerStore, Row, SqlParameter, Warehouse } from '@convergence/ports';

const COLUMNS: Readonly<Record<keyof OwnerChange, readonly [column: string, type: string]>> = {
  stream: ['stream', 'STRING'],
  streamStart: ['stream_start', 'INT64'],
  checkpoint: ['checkpoint_sequence', 'INT64'],
  checkpointAt: ['checkpoint_at', 'TIMESTAMP'],
  redoFirst: ['redo_first', 'INT64'],
  redoLast: ['redo_last', 'INT64'],
  published: ['published_sequence', 'INT64'],
  publishedAt: ['published_at', 'TIMESTAMP'],
  released: ['released', 'BOOL'],
};

export function warehouseOwnerStore(warehouse: Pick<Warehouse, 'run' | 'project'>, dataset: string): OwnerStore {
  const table = `\`${warehouse.project}.${dataset}.slice_owners\``;
  const newest = `NOT EXISTS (SELECT 1 FROM ${table} AS newer WHERE newer.slice = @slice AND newer.epoch > @epoch)`;

  async function read(slice: string): Promise<OwnerRow | undefined> {
    const { rows } = await warehouse.run({
      sql: `SELECT * FROM ${table} WHERE slice = @slice ORDER BY epoch DESC LIMIT 1`,
      parameters: { slice: { type: 'STRING', value: slice } },
    });
    return rows[0] && ownerRow(rows[0]);
  }

  return {
    read,
    async takeOver(slice, fromEpoch, owner) {
      const { affectedRows } = await warehouse.run({
        sql: `UPDATE ${table} SET owner = @owner, epoch = epoch + 1, taken_over_at = CURRENT_TIMESTAMP(), updated_at = CURRENT_TIMESTAMP()
WHERE slice = @slice AND epoch = @epoch AND ${newest}`,
        parameters: {
          slice: { type: 'STRING', value: slice },
          epoch: { type: 'INT64', value: fromEpoch },
          owner: { type: 'STRING', value: owner },
        },
      });
      if (affectedRows) return true;
      // Nothing changed: somebody was faster, or this is the resend of an answer that was lost.
      const row = await read(slice);
      return row?.epoch === fromEpoch + 1 && row.owner === owner;
    },
    async record(slice, epoch, owner, change) {
      const parameters: Record<string, SqlParameter> = {
        slice: { type: 'STRING', value: slice },
        epoch: { type: 'INT64', value: epoch },
        owner: { type: 'STRING', value: owner },
      };
      const assignments = ['updated_at = CURRENT_TIMESTAMP()'];
      for (const [name, value] of Object.entries(change) as [keyof OwnerChange, OwnerChange[keyof OwnerChange]][]) {
        const [column, type] = COLUMNS[name];
        parameters[name] = { type, value: value ?? null };
        assignments.push(`${column} = @${name}`);
      }
      const forward = [
        ...(change.checkpoint === undefined ? [] : ['checkpoint_sequence <= @checkpoint']),
        ...(change.published === undefined ? [] : ['published_sequence <= @published']),
      ];
      const { affectedRows } = await warehouse.run({
        sql: `UPDATE ${table} SET ${assignments.join(', ')}
WHERE ${['slice = @slice', 'epoch = @epoch', 'owner = @owner', ...forward, newest].join(' AND ')}`,
        parameters,
      });
      if (affectedRows) return true;
      const row = await read(slice);
      return row?.epoch === epoch && row.owner === owner;
    },
  };
}

/** Makes a slice's row when it has none. */
export async function provisionOwner(warehouse: Pick<Warehouse, 'run' | 'project'>, dataset: string, slice: string): Promise<boolean> {
  const table = `\`${warehouse.project}.${dataset}.slice_owners\``;
  const { affectedRows } = await warehouse.run({
    sql: `INSERT INTO ${table}
  (slice, epoch, stream_start, checkpoint_sequence, redo_first, redo_last, published_sequence, released, updated_at)
SELECT @slice, 0, 0, 0, 1, 0, 0, TRUE, CURRENT_TIMESTAMP()
FROM (SELECT 1)
WHERE NOT EXISTS (SELECT 1 FROM ${table} AS there WHERE there.slice = @slice)`,
    parameters: { slice: { type: 'STRING', value: slice } },
  });
  return affectedRows === 1;
}

const textOf = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));
function ownerRow(row: Row): OwnerRow {
  return {
    slice: String(row.slice),
    owner: textOf(row.owner),
    epoch: Number(row.epoch),
    stream: textOf(row.stream),
    streamStart: Number(row.stream_start ?? 0),
    checkpoint: Number(row.checkpoint_sequence ?? 0),
    checkpointAt: textOf(row.checkpoint_at),
    redoFirst: Number(row.redo_first ?? 1),
    redoLast: Number(row.redo_last ?? 0),
    published: Number(row.published_sequence ?? 0),
    publishedAt: textOf(row.published_at),
    released: row.released === true,
  };
}
