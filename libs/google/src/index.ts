export { type GoogleBus, googleBus } from './bus/google-bus.ts';
export { EMULATOR_HOSTS, type GoogleConfig, googleConfig, hostsFrom } from './endpoints.ts';
export { googleJournalStore } from './journal/google-journal-store.ts';
export { defaultKeks, type GoogleKeys, googleKeys, type KeysOptions } from './keys/google-keys.ts';
export { BucketRefused, type GoogleBucket, googleBucket } from './objects/google-bucket.ts';
export { googleWarehouse } from './warehouse/google-warehouse.ts';
