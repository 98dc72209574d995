export { type PubSub, startPubSub } from './server.ts';
