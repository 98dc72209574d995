/** Checks the bearer token of a gRPC call: a forged one is refused everywhere, a missing one only where identity is strict. */
import { type Identity, Unauthenticated } from '../identity/index.ts';
import { GrpcRefusal } from './refusal.ts';
import type { Call } from './server.ts';

export function admission(identity: Identity): (call: Call) => void | Promise<void> {
  return (call) => {
    const header = call.metadata.get('authorization')[0]?.toString();
    if (header === undefined && !identity.strict) {
      return;
    }
    return identity.callerOf(header).then(
      () => {},
      (error: unknown) => {
        throw error instanceof Unauthenticated ? new GrpcRefusal('UNAUTHENTICATED', error.message) : error;
      },
    );
  };
}
