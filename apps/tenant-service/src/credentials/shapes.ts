import type { CredentialType, Provider } from '@convergence/contracts';
import Type, { type TSchema } from 'typebox';

/** What a provider's credential looks like, and what may be shown of it. */
export interface CredentialShape {
  readonly type: CredentialType;
  readonly schema: TSchema;
  readonly fits: (given: Readonly<Record<string, unknown>>) => boolean;
  readonly hint: (secret: Readonly<Record<string, unknown>>) => string;
  readonly projectId?: (secret: Readonly<Record<string, unknown>>) => string | null;
}

const closed = { additionalProperties: false } as const;
const uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$' });
const lastFour = (value: unknown): string => `...${String(value).slice(-4)}`;
const short = (value: unknown): string => String(value ?? '');

const serviceAccount: CredentialShape = {
  type: 'SERVICE_ACCOUNT',
  schema: Type.Object({
    type: Type.Literal('service_account'),
    project_id: Type.String({ pattern: '^[a-z][a-z0-9.:-]{3,60}[a-z0-9]$' }),
    private_key_id: Type.String({ minLength: 1, maxLength: 200 }),
    private_key: Type.String({
      minLength: 40,
      maxLength: 10_000,
      pattern: '^-----BEGIN (RSA )?PRIVATE KEY-----[\\s\\S]+-----END (RSA )?PRIVATE KEY-----\\s*$',
    }),
    client_email: Type.String({ format: 'email', maxLength: 254 }),
    client_id: Type.Optional(Type.String({ maxLength: 100 })),
  }),
  fits: (given) => given.type === 'service_account',
  hint: (secret) => short(secret.client_email),
  projectId: (secret) => short(secret.project_id),
};

const accessKey: CredentialShape = {
  type: 'ACCESS_KEY',
  schema: Type.Object(
    {
      access_key_id: Type.String({ pattern: '^A[A-Z0-9]{15,127}$' }),
      secret_access_key: Type.String({ minLength: 30, maxLength: 128, pattern: '^[A-Za-z0-9/+=]+$' }),
      session_token: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
      region: Type.Optional(Type.String({ pattern: '^[a-z]{2}(-[a-z]+)+-\\d$' })),
    },
    closed,
  ),
  fits: (given) => 'access_key_id' in given,
  hint: (secret) => lastFour(secret.access_key_id),
};

const role: CredentialShape = {
  type: 'ROLE',
  schema: Type.Object(
    {
      role_arn: Type.String({ pattern: '^arn:aws[a-z-]*:iam::\\d{12}:role/[\\w+=,.@/-]{1,512}$' }),
      external_id: Type.Optional(Type.String({ minLength: 2, maxLength: 1224, pattern: '^[\\w+=,.@:/-]*$' })),
      region: Type.Optional(Type.String({ pattern: '^[a-z]{2}(-[a-z]+)+-\\d$' })),
    },
    closed,
  ),
  fits: (given) => 'role_arn' in given,
  hint: (secret) => short(secret.role_arn),
  projectId: (secret) => short(secret.role_arn).split(':')[4] ?? null,
};

const clientSecret: CredentialShape = {
  type: 'CLIENT_SECRET',
  schema: Type.Object(
    {
      tenant_id: uuid,
      client_id: uuid,
      client_secret: Type.String({ minLength: 8, maxLength: 500 }),
      subscription_id: Type.Optional(uuid),
    },
    closed,
  ),
  fits: (given) => 'client_secret' in given,
  hint: (secret) => short(secret.client_id),
  projectId: (secret) => (secret.subscription_id ? short(secret.subscription_id) : null),
};

const adminKey = (pattern: string): CredentialShape => ({
  type: 'ADMIN_KEY',
  schema: Type.Object(
    {
      api_key: Type.String({ pattern, maxLength: 500 }),
      organization_id: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    },
    closed,
  ),
  fits: (given) => 'api_key' in given,
  hint: (secret) => lastFour(secret.api_key),
  projectId: (secret) => (secret.organization_id ? short(secret.organization_id) : null),
});

export const SHAPES: Readonly<Record<Provider, readonly CredentialShape[]>> = {
  GCP: [serviceAccount],
  AWS: [accessKey, role],
  AZURE: [clientSecret],
  OPENAI: [adminKey('^sk-[A-Za-z0-9_-]{16,}$')],
  CLAUDE: [adminKey('^sk-ant-[A-Za-z0-9_-]{16,}$')],
};
