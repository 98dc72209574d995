/**
 * Who asks, and may they ask this? For every operation the same order: credentials, state of the account, tenant, scope.
 *
 * Must not know: what the operation does.
 * 1. A tenant's key opens paths of its own tenant only; any other tenant is a 403, whether it exists or not.
 * 2. An operator's credentials, once given, must be right: they are never overlooked in favour of something weaker.
 * 3. With authentication off (laptops, every cloud endpoint local) a missing key stands for the tenant in the path; a given key
 *    is checked as ever.
 */
import { isTenantId, type Operation, type Principal, Refusal, SCOPES, type TenantId } from '@convergence/contracts';
import type { Admins } from './admin.ts';
import type { ApiKeys, KeyHolder } from './api-keys.ts';

export interface Request {
  header(name: string): string;
  /** The tenant that the path names, if it does. */
  readonly pathTenant: string | undefined;
}
export interface AuthenticateOptions {
  readonly apiKeys: Pick<ApiKeys, 'holderOf'>;
  readonly admins: Pick<Admins, 'verify'>;
  readonly onboarding: 'open' | 'admin';
  readonly disabled: boolean;
  readonly used: (keyId: string) => void;
}

export type Authenticator = (operation: Pick<Operation, 'auth' | 'scope'>, request: Request) => Promise<Principal>;

export function authenticator(options: AuthenticateOptions): Authenticator {
  return async (operation, request) => {
    const user = userId(request.header('x-user-id'));
    const apiKey = request.header('x-api-key');
    const adminKey = request.header('x-admin-key');
    const asAdmin = adminKey !== '' || (apiKey === '' && request.header('authorization') !== '');
    const admin = async (): Promise<Principal> => {
      if (!(options.disabled && !asAdmin)) await options.admins.verify(adminKey, request.header('authorization'));
      return { kind: 'admin', ...user };
    };
    const tenant = async (): Promise<Principal> => {
      if (apiKey === '' && options.disabled && isTenantId(request.pathTenant ?? '')) {
        return { kind: 'tenant', tenantId: request.pathTenant as TenantId, keyId: 'authentication-off', scopes: SCOPES, ...user };
      }
      const holder = apiKey === '' ? undefined : await options.apiKeys.holderOf(apiKey);
      if (!holder) throw new Refusal('auth.invalid_api_key', 'Invalid API key');
      options.used(holder.keyId);
      mayEnter(holder, request.pathTenant);
      if (operation.scope && !holder.scopes.includes(operation.scope)) {
        throw new Refusal('auth.scope_missing', `The API key lacks the scope ${operation.scope}.`, { fields: { scope: operation.scope } });
      }
      return { kind: 'tenant', tenantId: holder.tenantId, keyId: holder.keyId, scopes: holder.scopes, ...user };
    };

    switch (operation.auth) {
      case 'open':
      case 'signature':
        return { kind: 'anonymous' };
      case 'admin':
        return admin();
      case 'tenant-only':
        return tenant();
      case 'tenant':
        if (asAdmin) return admin();
        return options.disabled && apiKey === '' && request.pathTenant === undefined ? admin() : tenant();
      case 'onboarding':
        if (asAdmin) return admin();
        if (apiKey !== '') return tenant();
        return options.onboarding === 'admin' ? admin() : { kind: 'anonymous' };
      default:
        return operation.auth satisfies never;
    }
  };
}

function mayEnter(holder: KeyHolder, pathTenant: string | undefined): void {
  if (pathTenant !== undefined && pathTenant !== holder.tenantId) throw otherTenant();
  if (holder.status === 'SUSPENDED') throw new Refusal('tenant.suspended', 'Account suspended');
  if (holder.status !== 'ACTIVE') throw new Refusal('tenant.inactive', 'Tenant account is inactive');
}

export const otherTenant = (): Refusal => new Refusal('auth.other_tenant', 'The API key belongs to another tenant.');

const USER_ID = /^[A-Za-z0-9._@:|-]{1,128}$/;

function userId(given: string): { userId?: string } {
  if (given === '') return {};
  if (USER_ID.test(given)) return { userId: given };
  const message = 'must be 1 to 128 of A-Z a-z 0-9 . _ @ : | -';
  throw new Refusal('request.invalid', `header /x-user-id ${message}.`, {
    fields: { errors: [{ in: 'header', path: '/x-user-id', message }] },
  });
}
