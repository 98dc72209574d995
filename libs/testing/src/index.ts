export { type AwsServer, startAwsServer } from './aws-server.ts';
export { type AzureServer, DIRECTORY, startAzureServer } from './azure-server.ts';
export { type BucketServer, startBucketServer } from './bucket-server.ts';
export {
  ACTIVE,
  aSample,
  type CheckpointStage,
  checkpointTablesPromises,
  samplesTable,
} from './contracts/checkpoint-tables.ts';
export { aJournalRow, journalStorePromises, journalTable } from './contracts/journal-store.ts';
export { ownerStorePromises } from './contracts/owner-store.ts';
export { type FakeBus, fakeBus } from './fakes/bus.ts';
export { type FakeCheckpointTables, fakeCheckpointTables } from './fakes/checkpoint-tables.ts';
export { type FakeJournalStore, fakeJournalStore } from './fakes/journal-store.ts';
export { fakeKeys } from './fakes/keys.ts';
export { type FakeOwnerStore, fakeOwnerStore } from './fakes/owner-store.ts';
export { type FakeWarehouse, fakeWarehouse } from './fakes/warehouse.ts';
export type { Fault, Faults } from './fault.ts';
export { freePort, isFree, portShare } from './free-port.ts';
export { given } from './given.ts';
export { keptLog } from './kept-log.ts';
export { type LocalCloud, startLocalCloud } from './local-cloud.ts';
export { runIdOf, sampleRun } from './sample-run.ts';
export { type VirtualClock, virtualClock } from './virtual-clock.ts';
