import type { TSchema } from 'typebox';
import type { ErrorCode } from './errors.ts';
import type { Scope } from './plans.ts';
import type { ServiceName } from './principal.ts';

/**
 * One public operation of the REST API. The gateway serves every operation: it authenticates, checks scope, tenant and
 * shape, and hands it to its owner at the same method and path with a signed principal; the owner's
 * `routes/<resource>.<verb>.ts` answers. OpenAPI is made from this list, so it can not say anything else than what is checked.
 *
 * 1. A path parameter that names a tenant is called `tenant_id`; the gateway compares it with the key's tenant.
 * 2. `/tenants/...` paths also answer under `/customers/...`: nobody declares that twice.
 */
export interface Operation {
  /** `<resource>.<verb>`: the name of its file, test and doc anchor. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** OpenAPI form: `/api/v1/tenants/{tenant_id}/quota` */
  readonly path: string;
  readonly summary: string;
  readonly owner: ServiceName;
  /** tenant: the tenant's own key, or admin. admin: admin only. open: nobody asked. onboarding: as ONBOARDING says. signature: the body is signed. */
  readonly auth: 'tenant' | 'tenant-only' | 'admin' | 'open' | 'onboarding' | 'signature';
  readonly scope?: Scope;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** The body may be left out (then it is `{}`). */
  readonly bodyOptional?: boolean;
  readonly response: TSchema;
  /** `text/event-stream` for live events; JSON otherwise. */
  readonly responseType?: 'application/json' | 'text/event-stream';
  readonly successStatus?: 200 | 201 | 202 | 204;
  readonly errors: readonly ErrorCode[];
  /** Counts against the tenant's per-minute rate. */
  readonly rateLimited?: boolean;
}

export const defineOperation = <const O extends Operation>(operation: O): O => operation;
