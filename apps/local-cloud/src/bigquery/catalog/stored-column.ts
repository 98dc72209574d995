import type { Column } from '../../googlesql/contract.ts';

/** What a table keeps of a column of a query or of DDL. */
export function storedColumn(column: Column): Column {
  const { name, type, required, description, defaultSql, maxLength, precision, scale } = column;
  return {
    name,
    type,
    ...(required ? { required } : {}),
    ...(description === undefined ? {} : { description }),
    ...(defaultSql === undefined ? {} : { defaultSql }),
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(precision === undefined ? {} : { precision }),
    ...(scale === undefined ? {} : { scale }),
  };
}
