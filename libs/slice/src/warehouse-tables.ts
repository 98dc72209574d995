/**
 * The tables of a slice in the warehouse: one MERGE a table, all rows in one ARRAY<STRUCT> parameter.
 *
 * 1. A row moves forward only, by x_sequence. 2. A MERGE does nothing when its epoch was not the newest as it began. 3. Only the
 * partitions of its rows are touched. 4. x_written says what was written last: the warehouse itself finds what others edited, so that
 * looking costs no rows. 5. An edit that nobody looked at is never written over: the same MERGE that would do it sees it.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type {
  CheckpointRow,
  CheckpointTable,
  CheckpointTables,
  ColumnSpec,
  EditedRow,
  Row,
  SqlParameter,
  SqlValue,
  StoredRow,
  TableSpec,
  Warehouse,
} from '@convergence/ports';
import { editedCondition, hasOwnKey, isReadable, isWritten, readWritten, textReader, writtenText } from './written-text.ts';

const OWN = new Set(['x_sequence', 'x_deleted', 'x_written']);
/** BigQuery takes requests of 10 MB. A row is about a kilobyte in one, but some have texts of sixteen. */
const MERGE_ROWS = 5_000;
const MERGE_BYTES = 8_000_000;
/** What a value costs besides its name and text. */
const WRAPPED = '"":{"value":""},'.length;
const PAGE = 2_000;
/** Less than a slice's holdSeconds: after that no statement of a deposed owner can be under way. */
const TIMEOUT = 100_000;

export function warehouseTables(warehouse: Pick<Warehouse, 'run' | 'pages' | 'project'>, dataset: string): CheckpointTables {
  const nameOf = (table: string) => `\`${warehouse.project}.${dataset}.${table}\``;
  const columnsOf = (spec: TableSpec): readonly ColumnSpec[] => spec.columns.filter((c) => !OWN.has(c.name));
  const list = (spec: TableSpec, alias: string) =>
    columnsOf(spec)
      .map((c) => `${alias}.\`${c.name}\``)
      .join(', ');

  function mergeOf({ spec, key, watched }: CheckpointTable, dead: 'remove' | 'mark', pruned: boolean): string {
    const columns = columnsOf(spec);
    const names = columns.map((c) => `\`${c.name}\``);
    const read = columns.map((c) => (c.type.toUpperCase() === 'JSON' ? `PARSE_JSON(r.\`${c.name}\`) AS \`${c.name}\`` : `r.\`${c.name}\``));
    const on = key.map((column) => `T.${column} = S.${column}`);
    const part = spec.partitionBy?.column;
    if (part && pruned) on.push(`T.${part} BETWEEN @part_from AND @part_to`);
    const forward = 'COALESCE(T.x_sequence, 0) <= S.x_sequence';
    const updates = names.filter((n) => !key.includes(n.slice(1, -1))).map((n) => `${n} = S.${n}`);
    const x = ['x_sequence = S.x_sequence', 'x_deleted = S.x_deleted', 'x_written = S.x_written'];
    const seen = watched ? ` AND (T.x_deleted OR NOT ${editedCondition(columns, 'T')} OR ${writtenText(columns, 'T')} = S.x_over)` : '';
    return `MERGE ${nameOf(spec.name)} AS T
USING (
  SELECT *, ${writtenText(columns, 'c')} AS x_written
  FROM (
    SELECT ${read.join(', ')}, r.x_sequence, r.x_deleted, r.x_over
    FROM UNNEST(@rows) AS r
    WHERE (SELECT MAX(o.epoch) FROM ${nameOf('slice_owners')} AS o WHERE o.slice = @slice) = @epoch
  ) AS c
) AS S
ON ${on.join(' AND ')}
WHEN MATCHED AND ${forward} AND S.x_deleted THEN ${dead === 'remove' ? 'DELETE' : 'UPDATE SET x_sequence = S.x_sequence, x_deleted = TRUE'}
WHEN MATCHED AND ${forward}${seen} THEN UPDATE SET ${[...updates, ...x].join(', ')}
WHEN NOT MATCHED${dead === 'remove' ? ' AND NOT S.x_deleted' : ''} THEN INSERT (${names.join(', ')}, x_sequence, x_deleted, x_written)
  VALUES (${names.map((n) => `S.${n}`).join(', ')}, S.x_sequence, S.x_deleted, S.x_written)`;
  }

  function parametersOf({ spec }: CheckpointTable, rows: readonly CheckpointRow[]): Record<string, SqlParameter> {
    const columns = columnsOf(spec);
    const fields = columns.map((c) => `\`${c.name}\` ${c.type.toUpperCase() === 'JSON' ? 'STRING' : c.type}`);
    const value = rows.map(({ key, sequence, row, partition, over }) => {
      const values: Record<string, SqlValue> = { x_sequence: sequence, x_deleted: row === null, x_over: over ?? null };
      for (const c of columns) values[c.name] = row?.[c.name] ?? key[c.name] ?? (row === null ? filler(c) : null);
      if (row === null && spec.partitionBy && partition !== undefined) values[spec.partitionBy.column] = partition;
      return values;
    });
    return { rows: { type: `ARRAY<STRUCT<${fields.join(', ')}, x_sequence INT64, x_deleted BOOL, x_over STRING>>`, value } };
  }

  function partitionsOf({ spec }: CheckpointTable, rows: readonly CheckpointRow[]): Record<string, SqlParameter> | undefined {
    const column = spec.columns.find((c) => c.name === spec.partitionBy?.column);
    if (!column || rows.some((r) => r.partition === undefined)) return undefined;
    const sorted = rows.map((r) => r.partition!).sort();
    return {
      part_from: { type: column.type, value: sorted[0]! },
      part_to: { type: column.type, value: sorted[sorted.length - 1]! },
    };
  }

  const own = ({ spec, key }: CheckpointTable) =>
    `FROM ${nameOf(spec.name)} AS T WHERE T.x_deleted IS NOT TRUE AND ${hasOwnKey(columnsOf(spec), key, 'T')}`;

  /** Besides the row itself: what was written, of those that somebody else changed. */
  const looked = (spec: TableSpec) =>
    `${list(spec, 'T')}, T.x_sequence, T.x_deleted, IF(${editedCondition(columnsOf(spec), 'T')}, T.x_written, NULL) AS x_was`;
  function stored(spec: TableSpec): (row: Row) => StoredRow {
    const columns = columnsOf(spec);
    return (given) => {
      const was = readWritten(columns, (given.x_was ?? null) as string | null);
      const row: Record<string, unknown> = {};
      for (const { name } of columns) row[name] = given[name];
      return { row, ...stamp(given), ...(was && { was }) };
    };
  }

  /** Where edits count, what dies is a statement of its own: of the others each row that was not changed was left alone. */
  function* batches({ spec, watched }: CheckpointTable, rows: Iterable<CheckpointRow>): Generator<readonly CheckpointRow[]> {
    const dead: CheckpointRow[] = [];
    yield* inPieces(watched ? livingOf(rows, dead) : rows, columnsOf(spec));
    yield* inPieces(dead, columnsOf(spec));
  }

  return {
    async merge(table, rows, { dead, guard, id }) {
      let left = 0;
      let number = -1;
      for (const chunk of batches(table, rows)) {
        number += 1;
        const partitions = partitionsOf(table, chunk);
        const parameters = parametersOf(table, chunk);
        // Making them and making a request of them take some ten milliseconds each: commands have their turn between.
        await turn();
        const { affectedRows = 0 } = await warehouse.run({
          sql: mergeOf(table, dead, partitions !== undefined),
          parameters: {
            ...parameters,
            ...partitions,
            slice: { type: 'STRING', value: guard.slice },
            epoch: { type: 'INT64', value: guard.epoch },
          },
          labels: { purpose: 'checkpoint' },
          jobId: `checkpoint-${id}-${number}`.replace(/[^A-Za-z0-9_-]/g, '_'),
          timeoutMilliseconds: TIMEOUT,
        });
        if (table.watched && chunk[0]?.row) left += chunk.length - affectedRows;
      }
      return left;
    },

    /** Each row as one text, the one that was written last: a column for each would cost ten times as much. */
    async *load({ spec, watched }, where) {
      const columns = columnsOf(spec);
      const wanted = where === undefined ? 'TRUE' : `(T.x_deleted OR (${where}))`;
      const content = writtenText(columns, 'T');
      const text = `IF(${isWritten(columns, 'T')}, T.x_written, ${content})`;
      const now = watched ? `IF(${editedCondition(columns, 'T')}, ${content}, NULL)` : 'CAST(NULL AS STRING)';
      const from = `FROM ${nameOf(spec.name)} AS T WHERE ${wanted}`;
      const labels = { purpose: 'recovery' };
      let unreadable = false;
      const sql = `SELECT ${text} AS x_text, ${now} AS x_now, T.x_sequence, T.x_deleted ${from}`;
      const read = textReader(columns);
      for await (const page of warehouse.pages({ sql, labels }, PAGE)) {
        const rows = page.flatMap(({ x_text, x_now, ...x }) => {
          const written = read(x_text as string);
          const row = x_now === null ? written : read(x_now as string);
          if (!row || !written) {
            unreadable = true;
            return [];
          }
          return { row, ...stamp(x), ...(x_now !== null && x.x_sequence !== null && { was: written }) };
        });
        yield rows;
      }
      if (!unreadable) return;
      const odd = `NOT (${isReadable(columns, text)} AND ${isReadable(columns, content)})`;
      for await (const page of warehouse.pages({ sql: `SELECT ${looked(spec)} ${from} AND ${odd}`, labels }, PAGE))
        yield page.map(stored(spec));
    },

    async edited({ spec }, where) {
      const { rows } = await warehouse.run({
        sql: `SELECT ${looked(spec)}, ${writtenText(columnsOf(spec), 'T')} AS x_content FROM ${nameOf(spec.name)} AS T
WHERE T.x_deleted IS NOT TRUE AND ${editedCondition(columnsOf(spec), 'T')}
  AND ${where === undefined ? 'TRUE' : `(${where})`}`,
        labels: { purpose: 'refresh' },
      });
      const read = stored(spec);
      return rows.map((row): EditedRow => ({ ...read(row), content: String(row.x_content) }));
    },

    async count(table) {
      const sql = `SELECT COUNT(*) AS n ${own(table)} AND T.x_sequence IS NOT NULL`;
      const { rows } = await warehouse.run({ sql, labels: { purpose: 'refresh' } });
      return Number(rows[0]?.n);
    },

    async *keys(table) {
      const sql = `SELECT ${table.key.map((column) => `T.\`${column}\``).join(', ')} ${own(table)}`;
      yield* warehouse.pages({ sql, labels: { purpose: 'refresh' } }, PAGE);
    },

    async purge({ spec }, throughSequence) {
      await warehouse.run({
        sql: `DELETE FROM ${nameOf(spec.name)} WHERE x_deleted AND x_sequence <= @through`,
        parameters: { through: { type: 'INT64', value: throughSequence } },
        timeoutMilliseconds: TIMEOUT,
      });
    },
  };
}

const stamp = ({ x_sequence, x_deleted }: Row): Pick<StoredRow, 'sequence' | 'deleted'> => ({
  sequence: x_sequence === null || x_sequence === undefined ? null : Number(x_sequence),
  deleted: x_deleted === true,
});

/** The dead are set aside: keys only, and few. */
function* livingOf(rows: Iterable<CheckpointRow>, dead: CheckpointRow[]): Generator<CheckpointRow> {
  for (const row of rows) {
    if (row.row === null) dead.push(row);
    else yield row;
  }
}

/** As many rows as one statement takes. */
function* inPieces(rows: Iterable<CheckpointRow>, columns: readonly ColumnSpec[]): Generator<readonly CheckpointRow[]> {
  const names = columns.reduce((sum, { name }) => sum + name.length + WRAPPED, 0);
  let piece: CheckpointRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    const values = [...Object.values(row.row ?? row.key), row.over ?? null];
    const size = names + values.reduce<number>((sum, value) => sum + bytesOf(value), 0);
    if (piece.length === MERGE_ROWS || (piece.length > 0 && bytes + size > MERGE_BYTES)) {
      yield piece;
      [piece, bytes] = [[], 0];
    }
    piece.push(row);
    bytes += size;
  }
  if (piece.length > 0) yield piece;
}
const bytesOf = (value: SqlValue): number =>
  typeof value === 'string' || Array.isArray(value) ? Buffer.byteLength(JSON.stringify(value)) : 20;

/** What a dead row shows in a column that must show something. */
function filler(column: ColumnSpec): SqlValue {
  if (!column.required) return null;
  const type = column.type.toUpperCase();
  if (type.startsWith('ARRAY')) return [];
  if (type === 'BOOL') return false;
  if (type === 'DATE') return '1970-01-01';
  if (type === 'TIMESTAMP') return '1970-01-01T00:00:00Z';
  if (type === 'JSON') return 'null';
  return /^(INT64|FLOAT64|NUMERIC|BIGNUMERIC)/.test(type) ? 0 : '';
}
