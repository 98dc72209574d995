export {
  type DecideContext,
  type Decision,
  type EventMeta,
  keyParts,
  type SliceDefinition,
  type TableProjection,
  tableKey,
} from './definition.ts';
export { openSlice } from './open.ts';
export {
  type CommandMeta,
  type Outcome,
  POINTS,
  type Point,
  type Slice,
  type SliceFigures,
  type SliceLog,
  type SliceOptions,
} from './slice.ts';
export { warehouseTables } from './warehouse-tables.ts';
