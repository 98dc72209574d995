export { type Kms, startKms } from './server.ts';
