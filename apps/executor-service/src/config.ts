import {
  type BaseConfig,
  baseFields,
  type Config,
  decimal,
  type Fields,
  hostPort,
  integer,
  isLocal,
  secret,
  text,
  url,
} from '@convergence/service';
import type { AwsKeys } from './object-stores/sigv4.ts';

export const executorFields = {
  ...baseFields(8083),
  configsDir: text('CONFIGS_DIR', { default: 'configs', example: './configs' }),
  /** Runs in work at once, of this instance. */
  concurrency: integer('CONCURRENCY', { default: 50, min: 1, max: 1000 }),
  tenantServiceUrl: url('TENANT_SERVICE_URL', { default: 'http://127.0.0.1:8081', example: 'https://tenant-service-abc.a.run.app' }),
  credentialsKmsKey: text('CREDENTIALS_KMS_KEY', {
    default: undefined,
    pattern: /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/,
    hint: 'the full name of a KMS key',
    example: 'projects/p/locations/us/keyRings/convergence/cryptoKeys/credentials',
  }),
  smtpUrl: secret('SMTP_URL', { default: undefined }),
  mailFrom: text('MAIL_FROM', { default: 'Convergence <no-reply@convergence.example>' }),
  /** Where e-mails are kept as .eml files while there is no SMTP_URL. */
  mailOutbox: text('MAIL_OUTBOX', { default: '.data/outbox' }),
  /** Private networks that sources and webhooks may lie in; on a laptop its own addresses too. */
  outboundNetworks: text('OUTBOUND_NETWORKS', {
    default: undefined,
    pattern: /^[0-9a-f.:]+\/\d{1,3}(,[0-9a-f.:]+\/\d{1,3})*$/i,
    hint: 'networks such as 10.1.0.0/16, separated by commas',
    example: '10.1.0.0/16',
  }),
  /** What `file:` objects may be read from. */
  objectsDir: text('OBJECTS_DIR', { default: '.data/objects' }),
  /** Cloud Storage on this machine, for tests; else tenants' buckets are Google's. */
  storageHost: hostPort('STORAGE_EMULATOR_HOST', { default: undefined, example: '127.0.0.1:4443' }),
  /** AWS (S3, STS) and Azure (Storage, Entra ID) on this machine, for tests. They are shown secrets, so only beside local-cloud. */
  awsHost: hostPort('AWS_EMULATOR_HOST', { default: undefined, example: '127.0.0.1:4566' }),
  azureHost: hostPort('AZURE_EMULATOR_HOST', { default: undefined, example: '127.0.0.1:10000' }),
  /** The platform's own identity at AWS, which tenants' roles trust. */
  assumeRoleKeyId: text('ASSUME_ROLE_ACCESS_KEY_ID', {
    default: undefined,
    pattern: /^A[A-Z0-9]{15,127}$/,
    hint: 'the id of an AWS access key',
    example: 'AKIAIOSFODNN7EXAMPLE',
  }),
  assumeRoleSecret: secret('ASSUME_ROLE_SECRET_ACCESS_KEY', { default: undefined, minLength: 30 }),
  /** Between two MERGEs of finished and started runs. */
  recordSeconds: decimal('RECORD_SECONDS', { default: 1, max: 60 }),
  heartbeatSeconds: decimal('HEARTBEAT_SECONDS', { default: 60, min: 0.1, max: 600 }),
  /** Runs kept in memory for lists; older ones are read from the table. */
  indexedRuns: integer('INDEXED_RUNS', { default: 20_000, min: 100, max: 1_000_000 }),
  /** `bigquery.query:staged@acme_corp`, many of them: dies once when all are reached, for tests of what comes after a crash. Local only. */
  crashAt: text('CRASH_AT', {
    default: undefined,
    pattern: /^[a-z.]+:[a-z_]+@[a-z0-9_]+(,[a-z.]+:[a-z_]+@[a-z0-9_]+)*$/,
    hint: 'step types, points in them and tenants',
  }),
  /** Remembers that it died, and so shows that it did. */
  crashMark: text('CRASH_MARK', { default: undefined }),
  instance: text('INSTANCE_ID', { default: undefined, pattern: /^[A-Za-z0-9-]{1,60}$/, hint: 'a short name' }),
} as const satisfies Fields;
export type ExecutorConfig = Config<typeof executorFields>;

export function checkConfig(config: ExecutorConfig): string[] {
  const problems: string[] = [];
  if ((config.assumeRoleKeyId === undefined) !== (config.assumeRoleSecret === undefined))
    problems.push('ASSUME_ROLE_ACCESS_KEY_ID and ASSUME_ROLE_SECRET_ACCESS_KEY must be set together or not at all');
  if (isLocal(config as unknown as BaseConfig)) return problems;
  if (config.awsHost) problems.push('AWS_EMULATOR_HOST is only for local-cloud; unset it');
  if (config.azureHost) problems.push('AZURE_EMULATOR_HOST is only for local-cloud; unset it');
  return problems;
}

export const assumeRoleKeys = ({ assumeRoleKeyId, assumeRoleSecret }: ExecutorConfig): AwsKeys | undefined =>
  assumeRoleKeyId !== undefined && assumeRoleSecret !== undefined
    ? { accessKeyId: assumeRoleKeyId, secretAccessKey: assumeRoleSecret }
    : undefined;
