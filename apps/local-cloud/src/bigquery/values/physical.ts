/** The DuckDB type objects of GoogleSQL types, as `physicalType` names them, for binding and for building chunks. */
import {
  BIGINT,
  BIGNUM,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  type DuckDBType,
  INTERVAL,
  LIST,
  STRUCT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import type { SqlType } from '../../googlesql/contract.ts';
import { fieldName } from '../../googlesql/sql-type.ts';

const scalars: Record<Exclude<SqlType['kind'], 'ARRAY' | 'STRUCT' | 'RANGE'>, DuckDBType> = {
  INT64: BIGINT,
  FLOAT64: DOUBLE,
  NUMERIC: DECIMAL(38, 9),
  BIGNUMERIC: BIGNUM,
  BOOL: BOOLEAN,
  STRING: VARCHAR,
  BYTES: BLOB,
  DATE,
  TIME,
  DATETIME: TIMESTAMP,
  TIMESTAMP: TIMESTAMPTZ,
  JSON: VARCHAR,
  INTERVAL,
  GEOGRAPHY: VARCHAR,
};
const composed = new WeakMap<SqlType, DuckDBType>();

export function duckType(type: SqlType): DuckDBType {
  if (type.kind !== 'ARRAY' && type.kind !== 'STRUCT' && type.kind !== 'RANGE') return scalars[type.kind];
  let made = composed.get(type);
  if (!made) {
    if (type.kind === 'ARRAY') made = LIST(duckType(type.element));
    else if (type.kind === 'RANGE') made = STRUCT({ start: duckType(type.element), end: duckType(type.element) });
    else if (type.fields.length === 0) made = STRUCT({ _empty: BOOLEAN });
    else made = STRUCT(Object.fromEntries(type.fields.map((field, i) => [fieldName(type.fields, i), duckType(field.type)])));
    composed.set(type, oneLogicalType(made));
  }
  return made;
}

/** A list of a thousand structs asks its type a thousand times, and DuckDB's wrapper builds the logical type anew each time. */
function oneLogicalType(type: DuckDBType): DuckDBType {
  const build = type.toLogicalType.bind(type);
  let built: ReturnType<typeof build> | undefined;
  type.toLogicalType = () => {
    built ??= build();
    return built;
  };
  return type;
}
