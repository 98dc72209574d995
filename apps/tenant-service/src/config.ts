import { type BaseConfig, baseFields, type Config, decimal, type Fields, integer, isLocal, secret, text } from '@convergence/service';

export const tenantFields = {
  ...baseFields(8081),
  apiKeysKmsKey: text('API_KEYS_KMS_KEY', {
    default: undefined,
    pattern: /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/,
    hint: 'the full name of a KMS key',
    example: 'projects/p/locations/us/keyRings/convergence/cryptoKeys/api-keys',
  }),
  credentialsKmsKey: text('CREDENTIALS_KMS_KEY', {
    default: undefined,
    pattern: /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/,
    hint: 'the full name of a KMS key',
    example: 'projects/p/locations/us/keyRings/convergence/cryptoKeys/credentials',
  }),
  refreshSeconds: decimal('REFRESH_SECONDS', { default: 15, max: 3600 }),
  checkpointSeconds: decimal('CHECKPOINT_SECONDS', { default: 5, max: 3600 }),
  /** A run that gave no sign for that long is lost. */
  orphanMinutes: integer('ORPHAN_MINUTES', { default: 60, min: 1, max: 10_080 }),
  /** How long an onboarding request waits for its dry run; its status is PENDING after that. */
  dryrunWaitSeconds: decimal('DRYRUN_WAIT_SECONDS', { default: 15, max: 90 }),
  stripeWebhookSecret: secret('STRIPE_WEBHOOK_SECRET', { default: undefined, minLength: 8 }),
  smtpUrl: secret('SMTP_URL', { default: undefined }),
  mailFrom: text('MAIL_FROM', { default: 'Convergence <no-reply@convergence.example>' }),
  /** Where e-mails are kept as .eml files while there is no SMTP_URL. */
  mailOutbox: text('MAIL_OUTBOX', { default: '.data/outbox' }),
  instance: text('INSTANCE_ID', { default: undefined, pattern: /^[A-Za-z0-9-]{1,60}$/, hint: 'a short name' }),
} as const satisfies Fields;
export type TenantConfig = Config<typeof tenantFields>;

export function checkConfig(config: TenantConfig): string[] {
  if (isLocal(config as unknown as BaseConfig)) return [];
  return (
    [
      ['API_KEYS_KMS_KEY', config.apiKeysKmsKey],
      ['CREDENTIALS_KMS_KEY', config.credentialsKmsKey],
    ] as const
  )
    .filter(([, key]) => !key)
    .map(
      ([name]) => `${name} must be set outside of local-cloud; example: ${name}=projects/p/locations/us/keyRings/convergence/cryptoKeys/k`,
    );
}
