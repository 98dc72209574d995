export type { Bus, DeadLetter, IncomingMessage, OutgoingMessage, Settlement, SubscribeOptions, Subscriber } from './bus.ts';
export type {
  CheckpointRow,
  CheckpointTable,
  CheckpointTables,
  EditedRow,
  MergeOptions,
  StoredRow,
  TableRow,
} from './checkpoint-tables.ts';
export type { Clock } from './clock.ts';
export type { AppendOutcome, JournalRange, JournalRow, JournalStore } from './journal.ts';
export type { Keys } from './keys.ts';
export type { OwnerChange, OwnerRow, OwnerStore } from './owners.ts';
export {
  type ColumnSpec,
  type Row,
  type SqlParameter,
  type SqlValue,
  type Statement,
  type StatementResult,
  type TableSpec,
  type ViewSpec,
  type Warehouse,
  WarehouseError,
} from './warehouse.ts';
