/** How a DuckDB scalar function written in TypeScript is declared. NULL arguments never arrive: the result is NULL then. */
import {
  BIGINT,
  BIGNUM,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBScalarFunction,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  type DuckDBValue,
  DuckDBVarCharVector,
  type DuckDBVector,
  INTERVAL,
  LIST,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';

/** The message reaches the user as it is. */
export class EvaluationFault extends Error {}

export type Kind =
  | 'int'
  | 'float'
  | 'numeric'
  | 'big'
  | 'bool'
  | 'text'
  | 'bytes'
  | 'date'
  | 'time'
  | 'datetime'
  | 'timestamp'
  | 'interval'
  | 'texts'
  | 'ints';
const TYPES: Readonly<Record<Kind, DuckDBType>> = {
  int: BIGINT,
  float: DOUBLE,
  numeric: DECIMAL(38, 9),
  big: BIGNUM,
  bool: BOOLEAN,
  text: VARCHAR,
  bytes: BLOB,
  date: DATE,
  time: TIME,
  datetime: TIMESTAMP,
  timestamp: TIMESTAMPTZ,
  interval: INTERVAL,
  texts: LIST(VARCHAR),
  ints: LIST(BIGINT),
};

/** Plain values on the TypeScript side: dates as days, times as micros (bigint), decimals as scaled bigints. */
export type Plain =
  | bigint
  | number
  | boolean
  | string
  | Uint8Array
  | readonly (string | null)[]
  | readonly (bigint | null)[]
  | { months: number; days: number; micros: bigint }
  | null;

// biome-ignore lint/suspicious/noExplicitAny: values come from DuckDB in the shape that the declared kind has.
type Any = any;
const READ: Partial<Record<Kind, (v: Any) => Plain>> = {
  numeric: (v) => v.value,
  bytes: (v) => v.bytes,
  date: (v) => v.days,
  time: (v) => v.micros,
  datetime: (v) => v.micros,
  timestamp: (v) => v.micros,
  texts: (v) => v.items,
  ints: (v) => v.items,
};
const WRITE: Partial<Record<Kind, (v: Any) => DuckDBValue>> = {
  numeric: (v) => new DuckDBDecimalValue(v, 38, 9),
  bytes: (v) => new DuckDBBlobValue(v),
  date: (v) => new DuckDBDateValue(v),
  time: (v) => new DuckDBTimeValue(v),
  datetime: (v) => new DuckDBTimestampValue(v),
  timestamp: (v) => new DuckDBTimestampTZValue(v),
  interval: (v) => new DuckDBIntervalValue(v.months, v.days, v.micros),
  texts: (v) => new DuckDBListValue(v),
  ints: (v) => new DuckDBListValue(v),
};

export interface NativeFunction {
  readonly name: string;
  readonly parameters: readonly Kind[];
  readonly returns: Kind;
  // biome-ignore lint/suspicious/noExplicitAny: each function states its own parameters.
  readonly run: (...args: any[]) => Plain;
}
// biome-ignore lint/suspicious/noExplicitAny: as above.
export const native = (name: string, parameters: readonly Kind[], returns: Kind, run: (...args: any[]) => Plain): NativeFunction => ({
  name,
  parameters,
  returns,
  run,
});

/**
 * A constant arrives once for each row. Its texts lie at one address, and a text is dear to read: the one before is taken again where
 * length, beginning and address are the same.
 */
function itemsOf(vector: DuckDBVector): (row: number) => DuckDBValue {
  if (!(vector instanceof DuckDBVarCharVector)) return (row) => vector.getItem(row);
  const { dataView, validity } = vector as unknown as { dataView: DataView; validity: { itemValid(row: number): boolean } };
  let last: DuckDBValue = null;
  return (row) => {
    if (!validity.itemValid(row)) return null;
    const at = row * 16;
    const same =
      row > 0 &&
      last !== null &&
      dataView.getBigUint64(at, true) === dataView.getBigUint64(at - 16, true) &&
      dataView.getBigUint64(at + 8, true) === dataView.getBigUint64(at - 8, true);
    if (!same) last = vector.getItem(row);
    return last;
  };
}

export function toDuckDb(f: NativeFunction): DuckDBScalarFunction {
  const readers = f.parameters.map((k) => READ[k]);
  const write = WRITE[f.returns];
  return DuckDBScalarFunction.create({
    name: f.name,
    parameterTypes: f.parameters.map((k) => TYPES[k]),
    returnType: TYPES[f.returns],
    mainFunction: (info, chunk, output) => {
      const columns = readers.map((_, i) => itemsOf(chunk.getColumnVector(i)));
      const args: Plain[] = new Array(readers.length);
      const { rowCount } = chunk;
      let result: DuckDBValue | undefined;
      rows: for (let row = 0; row < rowCount; row++) {
        let same = result !== undefined;
        for (let i = 0; i < columns.length; i++) {
          const value = columns[i]!(row);
          if (value === null) {
            output.setItem(row, null);
            result = undefined;
            continue rows;
          }
          const read = readers[i];
          const arg = read ? read(value) : (value as Plain);
          if (same && !Object.is(arg, args[i])) same = false;
          args[i] = arg;
        }
        // Neighbours often have the same arguments, and no function here has another answer the second time.
        if (!same) {
          let answer: Plain;
          try {
            answer = f.run(...args);
          } catch (error) {
            info.setError(error instanceof EvaluationFault ? error.message : `Internal error in ${f.name}: ${(error as Error).message}`);
            return;
          }
          result = answer === null ? null : write ? write(answer) : (answer as DuckDBValue);
        }
        output.setItem(row, result as DuckDBValue);
      }
      output.flush();
    },
  });
}
