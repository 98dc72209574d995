/** Resource names of the Storage Write API. */
import type { TablePath } from '../googlesql/contract.ts';

const TABLE = /^projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)$/;

export function parseTableName(name: string): TablePath | undefined {
  const m = TABLE.exec(name);
  return m ? { project: m[1]!, dataset: m[2]!, table: m[3]! } : undefined;
}

/** `.../streams/{id}`; the default stream is also written `.../_default`. */
export function parseStreamName(name: string): { readonly table: TablePath; readonly stream: string } | undefined {
  const m = /^(.*?)(?:\/streams\/([^/]+)|\/(_default))$/.exec(name);
  const table = m ? parseTableName(m[1]!) : undefined;
  return table && { table, stream: m![2] ?? '_default' };
}
