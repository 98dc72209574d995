export { type Caller, type Identity, openIdentity, tokenFor, Unauthenticated } from './identity.ts';
