/**
 * Every operation of the API as a route of this gateway, under its path and, for tenants, under its `/customers` alias.
 *
 * 1. Each operation is answered by its own file in routes/ or forwarded to its owner; one that is neither stops the start.
 * 2. A tenant's key never names another tenant anywhere: path (checked with the credentials), query or body.
 * 3. A POST with an Idempotency-Key is performed once, whether its caller waits for the answer or not, and is the same command through
 * every gateway. Onboarding alone is left with its caller: it must know that a key reached nobody, and a repeat resumes it. 4. No answer is
 * kept for strangers: it may hold a key, and what they send is no proof that it was they who asked first.
 */
import type { Operation, Principal } from '@convergence/contracts';
import { type Command, JsonText, type Route, route } from '@convergence/service';
import { otherTenant } from './auth/authenticate.ts';
import { holderOf, type NameCommand } from './commands.ts';
import { asTenantId, customersAlias, withBothIds } from './edge/customers.ts';
import { type Caller, type Idempotency, mustBeKey, takesIdempotencyKey } from './edge/idempotency.ts';
import { forward, type Handle } from './forward.ts';
import type { Owners } from './owners.ts';

export interface OperationRoutesOptions {
  readonly operations: readonly Operation[];
  /** By operation id. */
  readonly own: Readonly<Record<string, Handle>>;
  readonly owners: Owners;
  readonly idempotency: Idempotency;
  readonly nameCommand: NameCommand;
  /** Aborted when this gateway drains. */
  readonly draining: AbortSignal;
}

export function operationRoutes({ operations, own, owners, idempotency, nameCommand, draining }: OperationRoutesOptions): Route[] {
  return operations.flatMap((operation) => {
    const handle = guarded(operation, handlerOf(operation), idempotency, nameCommand);
    const alias = customersAlias(operation);
    return [route(operation, handle as never), ...(alias ? [route(alias, underAlias(handle) as never)] : [])];
  });

  function handlerOf(operation: Operation): Handle {
    const mine = own[operation.id];
    if (mine) return mine;
    if (operation.owner === 'gateway') throw new Error(`${operation.id} belongs to the gateway, which has no route for it`);
    return forward(operation, operation.owner, owners, draining);
  }
}

function guarded(operation: Operation, handle: Handle, idempotency: Idempotency, nameCommand: NameCommand): Handle {
  return async (call) => {
    if (call.principal.kind === 'tenant') mustBeOwn(call.principal.tenantId, call.query, call.body);
    const key = call.request.headers['idempotency-key'];
    if (!takesIdempotencyKey(operation) || key === undefined) return handle(call);
    const request = [operation.id, call.params, call.query, call.body];
    const left = operation.auth === 'onboarding' ? call.signal : new AbortController().signal;
    mustBeKey(String(key));
    const name = () => nameCommand(String(key), call, request);
    const perform = (command: Command) => handle({ ...call, signal: left, command });
    if (call.principal.kind === 'anonymous') return perform(await name());
    const caller = { ...callerOf(call.principal, call.request.socket.remoteAddress), left };
    return idempotency.once(String(key), caller, request, name, perform);
  };
}

function mustBeOwn(tenant: string, ...places: readonly unknown[]): void {
  for (const place of places) {
    if (typeof place !== 'object' || place === null) continue;
    for (const name of ['tenant_id', 'customer_id'] as const) {
      const named = (place as Record<string, unknown>)[name];
      if (named !== undefined && named !== tenant) throw otherTenant();
    }
  }
}

function callerOf(principal: Principal, address: string | undefined): Pick<Caller, 'name' | 'holder'> {
  const holder = holderOf(principal);
  if (principal.kind !== 'tenant') return { name: `${holder} ${address}`, holder };
  return { name: `key ${principal.keyId} of ${principal.tenantId}`, holder };
}

function underAlias(handle: Handle): Handle {
  return async (call) => {
    const reply = await handle({
      ...call,
      params: asTenantId(call.params) as Record<string, unknown>,
      query: asTenantId(call.query) as Record<string, unknown>,
      body: asTenantId(call.body),
    });
    return { ...reply, body: withBothIds(reply.body instanceof JsonText ? JSON.parse(reply.body.text) : reply.body) };
  };
}
