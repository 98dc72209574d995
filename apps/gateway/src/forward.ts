/**
 * Hands an operation to its owner: same method, same path, built anew from values that passed their schemas, with the
 * principal signed.
 *
 * 1. Nothing of the request goes on but checked path, query and body and the few headers named here; signed bodies go on as the
 * bytes that came. 2. Live events go through as they come. 3. What the owner refuses is refused; an owner that is away is a 503.
 */
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Operation, TenantId } from '@convergence/contracts';
import { type Call, type Command, commandHeaders, type Reply } from '@convergence/service';
import type { OwnerName, Owners } from './owners.ts';

/** A call whose shapes are those of some operation. */
export interface OperationCall extends Omit<Call, 'params' | 'query' | 'body'> {
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  /** What its client named by an Idempotency-Key. */
  readonly command?: Command;
}
export type Handle = (call: OperationCall) => Promise<Reply>;

const PASSED_ON = ['x-confirm', 'last-event-id', 'stripe-signature'];
const PASSED_BACK = ['retry-after', 'location', 'etag'];
/** Onboarding makes a dataset and runs the dry run, and two lists are asked of BigQuery; everything else answers from memory and one append. */
const PATIENCE_MS: Readonly<Record<string, number>> = {
  'tenants.onboard': 120_000,
  'tenants.cancel': 60_000,
  'journal.list': 5_000,
  'tenants.usage': 5_000,
};

/** GETs that tenant-service answers from memory: many of one moment go in one call. */
const FROM_MEMORY = new Set([
  'tenants.get',
  'tenants.quota',
  'subscriptions.get',
  'api-keys.list',
  'credentials.list',
  'provider-configs.list',
]);

export function forward(operation: Operation, owner: OwnerName, owners: Owners, draining: AbortSignal): Handle {
  const fromMemory = FROM_MEMORY.has(operation.id);
  return async (call) => {
    const client = owners.of(owner, tenantOf(call));
    const address = {
      method: operation.method,
      path: pathOf(operation, call),
      principal: call.principal,
      timeoutMs: PATIENCE_MS[operation.id] ?? 15_000,
    };
    if (fromMemory) {
      const { status, body } = await client.read({ ...address, headers: { 'x-request-id': call.requestId } });
      return { status, body };
    }
    const headers = {
      ...picked(PASSED_ON, (name) => call.request.headers[name]),
      'x-request-id': call.requestId,
      ...(call.command && commandHeaders(call.command)),
    };
    const request = { ...address, headers, signal: call.signal };
    if (operation.responseType === 'text/event-stream') {
      const response = await client.stream({ ...request, signal: AbortSignal.any([call.signal, draining]) });
      const body = response.body ? Readable.fromWeb(response.body as ReadableStream) : Readable.from([]);
      return { headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' }, body };
    }
    const body = operation.auth === 'signature' ? { rawBody: call.raw } : operation.body ? { body: call.body } : {};
    const answer = await client.send({ ...request, ...body });
    return { status: answer.status, headers: picked(PASSED_BACK, (name) => answer.headers.get(name)), body: answer.body };
  };
}

export function tenantOf(call: Pick<OperationCall, 'principal' | 'params'>): TenantId | undefined {
  if (call.principal.kind === 'tenant') return call.principal.tenantId;
  return call.params.tenant_id as TenantId | undefined;
}

function pathOf(operation: Operation, call: OperationCall): string {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(call.params[name])));
  const given = Object.entries(call.query);
  if (given.length === 0) return path;
  const query = new URLSearchParams();
  for (const [name, value] of given) if (value !== undefined) query.set(name, String(value));
  return query.size > 0 ? `${path}?${query}` : path;
}

function picked(names: readonly string[], read: (name: string) => string | string[] | null | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = read(name);
    if (typeof value === 'string') found[name] = value;
  }
  return found;
}
