import type { ErrorCode, Operation } from '@convergence/contracts';
import { openapi } from '@convergence/service';
import { customersAlias } from '../edge/customers.ts';
import { takesIdempotencyKey } from '../edge/idempotency.ts';

/**
 * The API as this gateway serves it: every operation and its `/customers` alias, with the headers that only the gateway knows.
 */
type Described = Record<string, unknown> & { readonly operationId: string; readonly parameters?: readonly unknown[] };

const text = (schema: object, name: string, description: string) => ({
  name,
  in: 'header',
  required: false,
  description,
  schema: { type: 'string', ...schema },
});
const USER = text({ pattern: '^[A-Za-z0-9._@:|-]{1,128}$' }, 'X-User-ID', 'Who asks within the tenant; for logs only.');
const ONCE = text(
  { minLength: 1, maxLength: 255 },
  'Idempotency-Key',
  'The same key with the same request is performed once, within a day; with another request it is refused.',
);
const CONFIRM = text({}, 'X-Confirm', 'The id of the tenant that is to be purged.');
const LAST_EVENT = text({}, 'Last-Event-ID', 'Go on after this event.');
const LIMITED = {
  'RateLimit-Policy': { description: 'How many requests a window allows', schema: { type: 'string' } },
  RateLimit: { description: 'How many are left, and for how many seconds', schema: { type: 'string' } },
};

export function openapiDocument(operations: readonly Operation[], version: string): Record<string, unknown> {
  const served = operations.flatMap((operation) => [operation, customersAlias(operation)]).filter((one) => one !== undefined);
  const document = openapi({
    title: 'Convergence',
    version,
    description: 'Data pipelines for many tenants. Every `/tenants` path also answers under `/customers`.',
    operations: served,
    also: atTheDoor,
  }) as { paths: Record<string, Record<string, Described>> };
  for (const operation of served) {
    const item = document.paths[operation.path] as Record<string, Described>;
    const method = operation.method.toLowerCase();
    item[method] = withHeaders(operation, item[method] as Described);
  }
  return document as Record<string, unknown>;
}

/** Its headers can be wrong, too. */
function atTheDoor({ auth, method }: Operation): readonly ErrorCode[] {
  if (takesIdempotencyKey({ auth, method })) return ['request.invalid', 'request.idempotency_conflict'];
  return auth === 'open' || auth === 'signature' ? [] : ['request.invalid'];
}

function withHeaders(operation: Operation, described: Described): Described {
  const headers = [
    ...(operation.auth === 'open' || operation.auth === 'signature' ? [] : [USER]),
    ...(takesIdempotencyKey(operation) ? [ONCE] : []),
    ...(operation.id.endsWith('tenants.cancel') ? [CONFIRM] : []),
    ...(operation.responseType === 'text/event-stream' ? [LAST_EVENT] : []),
  ];
  const responses = described.responses as Record<string, Record<string, unknown>>;
  return {
    ...described,
    ...(headers.length > 0 && { parameters: [...(described.parameters ?? []), ...headers] }),
    ...(operation.rateLimited && {
      responses: Object.fromEntries(
        Object.entries(responses).map(([status, response]) => [
          status,
          status < '300' || status === '429'
            ? { ...response, headers: { ...(response.headers as object | undefined), ...LIMITED } }
            : response,
        ]),
      ),
    }),
  };
}
