import type { TablePath } from '../../googlesql/contract.ts';

/** A table's path as the key of a map. */
export const pathKey = (path: TablePath) => `${path.project}\n${path.dataset}\n${path.table}`;
export const samePath = (a: TablePath, b: TablePath) => a.table === b.table && a.dataset === b.dataset && a.project === b.project;
