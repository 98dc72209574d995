export { type JournalWriter, type JournalWriterOptions, journalWriter } from './writer.ts';
