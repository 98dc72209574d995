/**
 * The gateway: the only door. Authenticates, limits, checks shapes, and hands each operation to its owner.
 *
 * 1. It holds nothing that another instance could not rebuild: keys are remembered, never kept.
 * 2. Everything it serves is in contracts' OPERATIONS, or is /docs, /openapi.json, health and metrics.
 */
import { randomBytes } from 'node:crypto';
import type { KeyLookupResponse, Operation, Principal, TenantId } from '@convergence/contracts';
import { OPERATIONS, SUBSCRIPTIONS } from '@convergence/contracts';
import type { Bus, Clock } from '@convergence/ports';
import type { BuildContext, Built } from '@convergence/service';
import { OAuth2Client } from 'google-auth-library';
import { admissions } from './admissions.ts';
import { Admins } from './auth/admin.ts';
import { ApiKeys } from './auth/api-keys.ts';
import { authenticator } from './auth/authenticate.ts';
import { KeyUsage } from './auth/key-usage.ts';
import { namingCommands } from './commands.ts';
import { adminKeys, type GatewayConfig } from './config.ts';
import { openapiDocument } from './docs/openapi-document.ts';
import { docsPages } from './docs/pages.ts';
import { crossOrigin, notStored, securityHeaders } from './edge/headers.ts';
import { Idempotency } from './edge/idempotency.ts';
import { RateLimit } from './edge/rate-limit.ts';
import { tenantChangedHandler } from './handlers/tenant-changed.ts';
import { operationRoutes } from './operation-routes.ts';
import { type Owners, oneCell } from './owners.ts';
import { ownRoutes } from './routes/routes.ts';
import type { Templates } from './templates.ts';

export interface GatewayParts {
  readonly bus: Bus;
  readonly templates: Templates;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly version: string;
  /** For tests with operations of their own. */
  readonly operations?: readonly Operation[];
}
const ITSELF: Principal = { kind: 'service', service: 'gateway' };
const TELL_USE_MS = 10_000;

export function gateway(context: BuildContext<GatewayConfig>, parts: GatewayParts): Built {
  const { config, log } = context;
  const { bus, clock, operations = OPERATIONS } = parts;
  const owners = oneCell({
    'tenant-service': context.client('tenant-service', config.tenantServiceUrl),
    'scheduler-service': context.client('scheduler-service', config.schedulerServiceUrl),
    'executor-service': context.client('executor-service', config.executorServiceUrl),
  });
  const apiKeys = new ApiKeys({ lookup: (hash) => lookup(owners, hash), now: clock.now });
  const usage = new KeyUsage((used) => tellUse(owners, used), clock);
  const telling = setInterval(() => usage.flush().catch((err: unknown) => log.warn({ err }, 'key use not told')), TELL_USE_MS).unref();
  const authenticate = authenticator({
    apiKeys,
    admins: new Admins({
      keys: adminKeys(config),
      ...(config.adminOidcAudience && {
        oidc: { client: new OAuth2Client(), audience: config.adminOidcAudience, emails: config.adminOidcEmails },
      }),
    }),
    onboarding: config.onboarding,
    disabled: config.disableAuth && context.local,
    used: (keyId) => usage.note(keyId),
  });
  const rateLimit = new RateLimit(config.ratePerMinute);
  const instance = config.instance ?? randomBytes(6).toString('hex');

  return {
    routes: operationRoutes({
      operations,
      own: ownRoutes({ owners, bus, clock, templates: parts.templates, admit: admissions(owners), draining: context.draining }),
      owners,
      idempotency: new Idempotency({ now: clock.now }),
      nameCommand: namingCommands(owners, config.internalSigningKey?.split(',')[0] ?? ''),
      draining: context.draining,
    }),
    authenticate: async (ctx, endpoint) => {
      const pathTenant = ctx.params.tenant_id ?? ctx.params.customer_id;
      return { principal: await authenticate(endpoint as Operation, { header: (name) => ctx.get(name), pathTenant }) };
    },
    admit: async (ctx, endpoint, { principal }) => {
      const tenant = principal.kind === 'tenant' ? principal.tenantId : (ctx.params.tenant_id as TenantId | undefined);
      if ((endpoint as Operation).rateLimited && tenant) await rateLimit.take(tenant, (name, value) => ctx.set(name, value));
    },
    middleware: [securityHeaders(), crossOrigin(config.corsOrigins), notStored, docsPages(openapiDocument(operations, parts.version))],
    bus,
    subscriptions: SUBSCRIPTIONS.filter(({ consumer }) => consumer === 'gateway').map((subscription) => ({
      subscription,
      instance,
      handlers: [tenantChangedHandler(apiKeys)],
    })),
    ready: { 'Pub/Sub': () => bus.check() },
    stop: [() => bus.close(), () => usage.flush(), () => clearInterval(telling)],
  };
}

function lookup(owners: Owners, hash: string): Promise<KeyLookupResponse> {
  // Which tenant a key belongs to is what is being asked, so with more cells each would be asked.
  return owners.of('tenant-service', undefined).call({
    method: 'POST',
    path: '/internal/api-keys/lookup',
    principal: ITSELF,
    body: { api_key_hash: hash },
    idempotent: true,
    timeoutMs: 5000,
  });
}

async function tellUse(owners: Owners, used: readonly { api_key_id: string; at: string }[]): Promise<void> {
  await owners
    .of('tenant-service', undefined)
    .call({ method: 'POST', path: '/internal/api-keys/used', principal: ITSELF, body: { used }, idempotent: true });
}
