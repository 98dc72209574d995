/**
 * What a client asks for under an Idempotency-Key is named here and remembered by tenant-service, so that every gateway knows it and none
 * has to. Names of one moment go in one call.
 *
 * 1. A name follows from who asks and the key. A tenant's different API keys never meet, nor do strangers who onboard different tenants. 2. The
 * request goes along as a hash keyed with what the caller proved itself by, or, where it has no such secret, with a key of the gateways: who
 * reads it can try no guesses of a secret that the request holds. 3. The same name with another request is refused, at every gateway.
 */
import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  type NameCommandsRequest,
  type NameCommandsResponse,
  type Principal,
  Refusal,
  type TenantId,
  Transient,
} from '@convergence/contracts';
import { type Command, commandId, gather } from '@convergence/service';
import { digest } from './auth/digest.ts';
import type { OperationCall } from './forward.ts';
import type { Owners } from './owners.ts';

/** `at`: when it came first, to whichever gateway. */
export interface Named extends Command {
  readonly at: number;
}
type Asking = Pick<OperationCall, 'principal' | 'params' | 'body'> & { readonly request: { readonly headers: IncomingHttpHeaders } };
export type NameCommand = (key: string, call: Asking, request: readonly unknown[]) => Promise<Named>;

const BATCH = 500;
/** Calls on their way at once: one being decided, one being journalled. */
const CALLS = 2;
/** 132 bits. */
const REQUEST_CHARACTERS = 22;
type Question = NameCommandsRequest['commands'][number] & { readonly tenant: TenantId | undefined };

export function namingCommands(owners: Owners, gatewaysKey: string): NameCommand {
  async function together(questions: readonly Question[]): Promise<(() => Named)[]> {
    const { commands } = await owners
      .of('tenant-service', questions[0]?.tenant)
      .call<NameCommandsResponse>({
        method: 'POST',
        path: '/internal/commands',
        principal: { kind: 'service', service: 'gateway' },
        body: { commands: questions.map(({ name, request, holder }) => ({ name, request, holder })) } satisfies NameCommandsRequest,
        idempotent: true,
        timeoutMs: 10_000,
      })
      .catch((error: unknown) => {
        // An older one, while it is rolled out: the client asked for nothing wrong.
        if (error instanceof Refusal) throw new Transient('tenant-service does not name commands yet.', { cause: error });
        throw error;
      });
    return commands.map(({ command, made, named_at }) => () => {
      if (command === null || named_at === null)
        throw new Refusal('request.idempotency_conflict', 'This Idempotency-Key was used with another request.');
      return { id: command, made, at: Date.parse(named_at) };
    });
  }
  const alone = async (question: Question): Promise<Named> => {
    const [command] = await together([question]);
    return (command as () => Named)();
  };
  const named = gather({ together, alone, most: BATCH, calls: CALLS });

  return (key, { principal, params, body, request: { headers } }, request) => {
    const secret = secretOf(principal, headers);
    return named({
      name: commandId(...whoAsks(principal, secret, body), key),
      request: createHmac('sha256', secret || gatewaysKey)
        .update(JSON.stringify(request))
        .digest('base64url')
        .slice(0, REQUEST_CHARACTERS),
      holder: holderOf(principal),
      tenant: principal.kind === 'tenant' ? principal.tenantId : (params.tenant_id as TenantId | undefined),
    });
  };
}

/** Whose share of what is remembered it takes: all keys of a tenant together, all operators, all strangers. */
export const holderOf = (principal: Principal): string => (principal.kind === 'tenant' ? `tenant ${principal.tenantId}` : principal.kind);

/** The tenant that a stranger onboards. */
const subjectOf = (principal: Principal, body: unknown): string =>
  principal.kind === 'anonymous' ? String((body as { tenant_id?: unknown } | undefined)?.tenant_id) : '';

const secretOf = (principal: Principal, headers: IncomingHttpHeaders): string =>
  String(headers[principal.kind === 'tenant' ? 'x-api-key' : 'x-admin-key'] ?? '');

function whoAsks(principal: Principal, secret: string, body: unknown): readonly string[] {
  if (principal.kind === 'tenant') return ['tenant', principal.tenantId, principal.keyId];
  return [principal.kind, subjectOf(principal, body), digest(secret).toString('hex')];
}
