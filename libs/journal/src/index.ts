export { provisionOwner, warehouseOwnerStore } from './owner-store.ts';
export { type JournalWriter, type JournalWriterOptions, journalWriter } from './writer.ts';
