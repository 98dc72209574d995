import {
  type BaseConfig,
  baseFields,
  type Config,
  type Fields,
  integer,
  isLocal,
  list,
  oneOf,
  secret,
  text,
  url,
} from '@convergence/service';

/** The gateway's settings; README and deployment name them by their environment variable. */
export const fields = {
  ...baseFields(8080),
  tenantServiceUrl: url('TENANT_SERVICE_URL', { default: 'http://127.0.0.1:8081' }),
  schedulerServiceUrl: url('SCHEDULER_SERVICE_URL', { default: 'http://127.0.0.1:8082' }),
  executorServiceUrl: url('EXECUTOR_SERVICE_URL', { default: 'http://127.0.0.1:8083' }),
  /** Comma-separated while a key is being changed. */
  adminApiKey: secret('ADMIN_API_KEY', { default: undefined }),
  adminOidcAudience: url('ADMIN_OIDC_AUDIENCE', { default: undefined, example: 'https://api.example.com' }),
  adminOidcEmails: list('ADMIN_OIDC_EMAILS', { default: [], example: 'scheduler@project.iam.gserviceaccount.com' }),
  onboarding: oneOf('ONBOARDING', ['open', 'admin'], { default: 'open' }),
  corsOrigins: list('CORS_ORIGINS', { default: [], example: 'https://app.example.com' }),
  ratePerMinute: integer('RATE_LIMIT_PER_MINUTE', { default: 50, min: 1, max: 1_000_000 }),
  configsDir: text('CONFIGS_DIR', { default: 'configs' }),
  /** Named in the front of broadcast subscriptions; made up when the platform gives none. */
  instance: text('INSTANCE_ID', { default: undefined, pattern: /^[A-Za-z0-9-]{1,60}$/, hint: 'a short name' }),
} as const satisfies Fields;

export type GatewayConfig = Config<typeof fields>;

const LAPTOP_ADMIN_KEY = 'dev-admin-key';

/** Rules over several settings. */
export function checkConfig(config: GatewayConfig): string[] {
  const problems: string[] = [];
  const local = isLocal(config as unknown as BaseConfig);
  if (!local && !config.adminApiKey && !config.adminOidcAudience) {
    problems.push(
      'ADMIN_API_KEY or ADMIN_OIDC_AUDIENCE must be set outside of local-cloud; example: ADMIN_API_KEY=$(openssl rand -hex 32)',
    );
  }
  if (!local && config.adminApiKey && adminKeys(config).some((key) => key.length < 16)) {
    problems.push('ADMIN_API_KEY must be at least 16 characters long outside of local-cloud (its value is not shown)');
  }
  if (config.adminOidcAudience && config.adminOidcEmails.length === 0) {
    problems.push('ADMIN_OIDC_EMAILS must name who may come with a Google token when ADMIN_OIDC_AUDIENCE is set');
  }
  for (const origin of config.corsOrigins) {
    if (origin !== '*' && !(URL.canParse(origin) && new URL(origin).origin === origin)) {
      problems.push(`CORS_ORIGINS has ${JSON.stringify(origin)}, which is no origin; example: CORS_ORIGINS=https://app.example.com`);
    }
  }
  return problems;
}

export const adminKeys = (config: GatewayConfig): readonly string[] =>
  (config.adminApiKey ?? (isLocal(config as unknown as BaseConfig) ? LAPTOP_ADMIN_KEY : '')).split(',').map((key) => key.trim());
