/**
 * The settings every service shares (contracts: processes, ports, environment). A service adds its own fields to these.
 * 1. `local` is true exactly when all four emulator hosts are set. 2. What is only safe on a laptop has a default only there.
 */
import { type Config, decimal, type Fields, flag, hostPort, integer, list, oneOf, secret, text, url } from './config.ts';
import { LOG_LEVELS } from './log.ts';

export const baseFields = (port: number) =>
  ({
    port: integer('PORT', { default: port, min: 0, max: 65535 }),
    host: text('HOST', { default: undefined, example: '127.0.0.1' }),
    project: text('GCP_PROJECT_ID', {
      default: 'convergence-local',
      pattern: /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
      hint: 'a Google Cloud project id',
    }),
    dataset: text('TENANTS_DATASET', { default: 'tenants', pattern: /^\w{1,1024}$/, hint: 'a BigQuery dataset name' }),
    location: text('BIGQUERY_LOCATION', { default: 'US', pattern: /^[A-Za-z0-9-]{2,30}$/, hint: 'a BigQuery location' }),
    environment: text('ENVIRONMENT', { default: 'local', pattern: /^[a-z][a-z0-9-]{0,30}$/, hint: 'a short name' }),
    logLevel: oneOf('LOG_LEVEL', LOG_LEVELS, { default: 'info' }),
    logPretty: flag('LOG_PRETTY'),
    pubsubHost: hostPort('PUBSUB_EMULATOR_HOST', { default: undefined }),
    bigqueryHost: hostPort('BIGQUERY_EMULATOR_HOST', { default: undefined, example: '127.0.0.1:9050' }),
    bigqueryStorageHost: hostPort('BIGQUERY_STORAGE_EMULATOR_HOST', { default: undefined, example: '127.0.0.1:9060' }),
    kmsHost: hostPort('KMS_EMULATOR_HOST', { default: undefined, example: '127.0.0.1:9070' }),
    /** Who we are to local-cloud; Google Cloud knows us by our service account. */
    localCloudToken: secret('LOCAL_CLOUD_TOKEN', { default: undefined }),
    otlpEndpoint: url('OTEL_EXPORTER_OTLP_ENDPOINT', { default: undefined, example: 'http://127.0.0.1:4318' }),
    drainSeconds: decimal('DRAIN_SECONDS', { default: 25, max: 600 }),
    /** Comma-separated keys: the first signs, all verify. */
    internalSigningKey: secret('INTERNAL_SIGNING_KEY', { default: undefined, minLength: 32 }),
    /** Where Google runs us: this service's own URL, and the service accounts of its callers. */
    internalAudience: url('INTERNAL_AUDIENCE', { default: undefined, example: 'https://tenant-service-abc.a.run.app' }),
    internalCallers: list('INTERNAL_CALLERS', { default: [], example: 'gateway@project.iam.gserviceaccount.com' }),
    disableAuth: flag('DISABLE_AUTH'),
  }) as const satisfies Fields;

export type BaseConfig = Config<ReturnType<typeof baseFields>>;

/** Everything runs against local-cloud: set by the environment, never asked for by name in a service. */
export const isLocal = (config: BaseConfig): boolean =>
  Boolean(config.pubsubHost && config.bigqueryHost && config.bigqueryStorageHost && config.kmsHost);

/** Only good enough between processes on one loopback; `npm start` makes a random one for each data folder. */
const LAPTOP_KEY = 'laptop-only-signing-key-never-used-in-production';

export const signingKeys = (config: BaseConfig): readonly string[] => config.internalSigningKey?.split(',') ?? [LAPTOP_KEY];

/**
 * Rules over several settings: sentences for what is wrong. Whoever answers our other services (everyone but the door, which proves
 * its callers itself) must be able to check Google's word for which of them calls.
 */
export function checkBase(config: BaseConfig, { door = false }: { readonly door?: boolean } = {}): string[] {
  const hosts = [config.pubsubHost, config.bigqueryHost, config.bigqueryStorageHost, config.kmsHost].filter(Boolean).length;
  const problems: string[] = [];
  if (hosts !== 0 && hosts !== 4) {
    problems.push(
      'PUBSUB_EMULATOR_HOST, BIGQUERY_EMULATOR_HOST, BIGQUERY_STORAGE_EMULATOR_HOST and KMS_EMULATOR_HOST must be set all together (local-cloud) or not at all (Google Cloud)',
    );
  }
  if (isLocal(config)) return problems;
  if (config.localCloudToken) problems.push('LOCAL_CLOUD_TOKEN is only for local-cloud; unset it');
  if (config.disableAuth) problems.push('DISABLE_AUTH is only allowed when all four emulator hosts are set; unset it');
  if (!door && !config.internalAudience) {
    problems.push(
      "INTERNAL_AUDIENCE must be set outside of local-cloud, to this service's own URL; example: INTERNAL_AUDIENCE=https://tenant-service-abc.a.run.app",
    );
  }
  if (!door && config.internalCallers.length === 0) {
    problems.push(
      'INTERNAL_CALLERS must name the service accounts that may call outside of local-cloud; example: INTERNAL_CALLERS=gateway@project.iam.gserviceaccount.com',
    );
  }
  if (!config.internalSigningKey) {
    problems.push('INTERNAL_SIGNING_KEY must be set outside of local-cloud; example: INTERNAL_SIGNING_KEY=$(openssl rand -base64 48)');
  } else if (config.internalSigningKey.split(',').some((key) => key.length < 32)) {
    problems.push('INTERNAL_SIGNING_KEY has a key shorter than 32 characters in its list (its value is not shown)');
  }
  return problems;
}
