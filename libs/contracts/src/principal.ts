import type { TenantId } from './ids.ts';
import type { Scope } from './plans.ts';

/** Who asks. Travels between services as a short-lived signed token, never as plain headers. */
export type Principal =
  | {
      readonly kind: 'tenant';
      readonly tenantId: TenantId;
      readonly keyId: string;
      readonly scopes: readonly Scope[];
      readonly userId?: string;
    }
  | { readonly kind: 'admin'; readonly userId?: string }
  /** The open door: onboarding, signed webhooks. */
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'service'; readonly service: ServiceName };

export const SERVICES = ['gateway', 'tenant-service', 'scheduler-service', 'executor-service'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Who a service is to Google Cloud, and to local-cloud: what access lists name. */
export const serviceAccount = (project: string, service: ServiceName): string => `${service}@${project}.iam.gserviceaccount.com`;
