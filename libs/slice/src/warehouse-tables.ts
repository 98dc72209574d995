/**
 * The tables of a slice in the warehouse: one MERGE a table, all rows in one ARRAY<STRUCT> parameter.
 *
 * 1. A row moves forward only, by x_sequence. 2. A MERGE does nothing when its epoch was not the newest as it began. 3. Only the
 * partitions of its rows are touched. 4. x_digest says what was written last: the warehouse itself finds what others edited, so that
 * looking costs no rows. Its first part names the columns it covers: after a column was added, older digests are not compared.
 */
import { createHash } from 'node:crypto';
import type {
  CheckpointRow,
  CheckpointTable,
  CheckpointTables,
  ColumnSpec,
  Row,
  SqlParameter,
  SqlValue,
  StoredRow,
  TableSpec,
  Warehouse,
} from '@convergence/ports';

const OWN = new Set(['x_sequence', 'x_deleted', 'x_digest']);
/** A statement may carry 10 MB; rows are a few hundred bytes. */
const MERGE_ROWS = 5_000;
const PAGE = 20_000;
/** Less than a slice's holdSeconds: after that no statement of a deposed owner can be under way. */
const TIMEOUT = 100_000;

export function warehouseTables(warehouse: Pick<Warehouse, 'run' | 'pages' | 'project'>, dataset: string): CheckpointTables {
  const nameOf = (table: string) => `\`${warehouse.project}.${dataset}.${table}\``;
  const columnsOf = (spec: TableSpec): readonly ColumnSpec[] => spec.columns.filter((c) => !OWN.has(c.name));
  const list = (spec: TableSpec, alias: string) =>
    columnsOf(spec)
      .map((c) => `${alias}.\`${c.name}\``)
      .join(', ');

  const versionOf = (spec: TableSpec): string =>
    createHash('md5')
      .update(
        columnsOf(spec)
          .map((c) => `${c.name} ${c.type}`)
          .join(),
      )
      .digest('hex')
      .slice(0, 8);
  const digest = (spec: TableSpec, alias: string) => {
    const texts = columnsOf(spec).map((c) => `COALESCE(${textOf(c, `${alias}.\`${c.name}\``)}, '\\x1e')`);
    return `CONCAT('${versionOf(spec)}:', TO_HEX(MD5(CONCAT(${texts.join(", '\\x1f', ")}))))`;
  };

  function mergeOf({ spec, key }: CheckpointTable, dead: 'remove' | 'mark', pruned: boolean): string {
    const columns = columnsOf(spec);
    const names = columns.map((c) => `\`${c.name}\``);
    const read = columns.map((c) => (c.type.toUpperCase() === 'JSON' ? `PARSE_JSON(r.\`${c.name}\`) AS \`${c.name}\`` : `r.\`${c.name}\``));
    const on = key.map((column) => `T.${column} = S.${column}`);
    const part = spec.partitionBy?.column;
    if (part && pruned) on.push(`T.${part} BETWEEN @part_from AND @part_to`);
    const forward = 'COALESCE(T.x_sequence, 0) <= S.x_sequence';
    const updates = names.filter((n) => !key.includes(n.slice(1, -1))).map((n) => `${n} = S.${n}`);
    const x = ['x_sequence = S.x_sequence', 'x_deleted = S.x_deleted', 'x_digest = S.x_digest'];
    return `MERGE ${nameOf(spec.name)} AS T
USING (
  SELECT *, ${digest(spec, 'c')} AS x_digest
  FROM (
    SELECT ${read.join(', ')}, r.x_sequence, r.x_deleted
    FROM UNNEST(@rows) AS r
    WHERE (SELECT MAX(o.epoch) FROM ${nameOf('slice_owners')} AS o WHERE o.slice = @slice) = @epoch
  ) AS c
) AS S
ON ${on.join(' AND ')}
WHEN MATCHED AND ${forward} AND S.x_deleted THEN ${dead === 'remove' ? 'DELETE' : 'UPDATE SET x_sequence = S.x_sequence, x_deleted = TRUE'}
WHEN MATCHED AND ${forward} THEN UPDATE SET ${[...updates, ...x].join(', ')}
WHEN NOT MATCHED${dead === 'remove' ? ' AND NOT S.x_deleted' : ''} THEN INSERT (${names.join(', ')}, x_sequence, x_deleted, x_digest)
  VALUES (${names.map((n) => `S.${n}`).join(', ')}, S.x_sequence, S.x_deleted, S.x_digest)`;
  }

  function parametersOf({ spec }: CheckpointTable, rows: readonly CheckpointRow[]): Record<string, SqlParameter> {
    const columns = columnsOf(spec);
    const fields = columns.map((c) => `\`${c.name}\` ${c.type.toUpperCase() === 'JSON' ? 'STRING' : c.type}`);
    const value = rows.map(({ key, sequence, row, partition }) => {
      const values: Record<string, SqlValue> = { x_sequence: sequence, x_deleted: row === null };
      for (const c of columns) values[c.name] = row?.[c.name] ?? key[c.name] ?? (row === null ? filler(c) : null);
      if (row === null && spec.partitionBy && partition !== undefined) values[spec.partitionBy.column] = partition;
      return values;
    });
    return { rows: { type: `ARRAY<STRUCT<${fields.join(', ')}, x_sequence INT64, x_deleted BOOL>>`, value } };
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

  const stored = (row: Row): StoredRow => {
    const { x_sequence, x_deleted, ...rest } = row;
    return {
      row: rest,
      sequence: x_sequence === null || x_sequence === undefined ? null : Number(x_sequence),
      deleted: x_deleted === true,
    };
  };

  return {
    async merge(table, rows, { dead, guard, id }) {
      for (let from = 0; from < rows.length; from += MERGE_ROWS) {
        const chunk = rows.slice(from, from + MERGE_ROWS);
        const partitions = partitionsOf(table, chunk);
        await warehouse.run({
          sql: mergeOf(table, dead, partitions !== undefined),
          parameters: {
            ...parametersOf(table, chunk),
            ...partitions,
            slice: { type: 'STRING', value: guard.slice },
            epoch: { type: 'INT64', value: guard.epoch },
          },
          labels: { purpose: 'checkpoint' },
          jobId: `checkpoint-${id}-${from}`.replace(/[^A-Za-z0-9_-]/g, '_'),
          timeoutMilliseconds: TIMEOUT,
        });
      }
    },

    async *load({ spec }, where) {
      const wanted = where === undefined ? 'TRUE' : `T.x_deleted OR (${where})`;
      const sql = `SELECT ${list(spec, 'T')}, T.x_sequence, T.x_deleted FROM ${nameOf(spec.name)} AS T WHERE ${wanted}`;
      for await (const page of warehouse.pages({ sql, labels: { purpose: 'recovery' } }, PAGE)) yield page.map(stored);
    },

    async edited({ spec }, where) {
      const { rows } = await warehouse.run({
        sql: `SELECT ${list(spec, 'T')}, T.x_sequence, T.x_deleted FROM ${nameOf(spec.name)} AS T
WHERE T.x_deleted IS NOT TRUE
  AND (T.x_digest IS NULL OR (STARTS_WITH(T.x_digest, '${versionOf(spec)}:') AND T.x_digest != ${digest(spec, 'T')}))
  AND ${where === undefined ? 'TRUE' : `(${where})`}`,
        labels: { purpose: 'refresh' },
      });
      return rows.map(stored);
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

/** A value as text, the same for the same value; cheap for the common types. */
function textOf({ type }: ColumnSpec, column: string): string {
  const plain = type.toUpperCase();
  if (plain === 'STRING') return column;
  if (plain === 'TIMESTAMP') return `CAST(UNIX_MICROS(${column}) AS STRING)`;
  if (plain === 'ARRAY<STRING>') return `ARRAY_TO_STRING(${column}, '\\x1d')`;
  return /^(BOOL|INT64|DATE|NUMERIC|FLOAT64)\b/.test(plain) ? `CAST(${column} AS STRING)` : `TO_JSON_STRING(${column})`;
}

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
