import { Refusal } from '@convergence/contracts';
import type { Authenticate } from './app.ts';
import type { TokenVerifier } from './principal-token.ts';

/** Lets in our own services with a principal token, and only those a route names, where it names any. */
export function internalAuthentication(verifier: TokenVerifier): Authenticate {
  return async (ctx, endpoint) => {
    const who = await verifier.verify(ctx.get('x-principal-token'), ctx.get('authorization'));
    if (endpoint.callers && !endpoint.callers.includes(who.caller)) {
      throw new Refusal('auth.internal', `${who.caller} may not call this.`);
    }
    return who;
  };
}
