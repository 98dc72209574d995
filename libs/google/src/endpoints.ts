/**
 * Where the Google products are. The four emulator hosts by the names that the ecosystem uses; with none of them the clients talk to
 * Google Cloud. Nothing here reads the environment: a process's composition root hands the values in.
 */
import * as grpc from '@grpc/grpc-js';

export const EMULATOR_HOSTS = {
  pubsub: 'PUBSUB_EMULATOR_HOST',
  bigquery: 'BIGQUERY_EMULATOR_HOST',
  bigqueryStorage: 'BIGQUERY_STORAGE_EMULATOR_HOST',
  kms: 'KMS_EMULATOR_HOST',
} as const;
export type Product = keyof typeof EMULATOR_HOSTS;

export interface GoogleConfig {
  readonly project: string;
  /** Of BigQuery datasets: `US`. */
  readonly location: string;
  readonly kmsLocation?: string;
  /** `host:port`, with or without `http://`. */
  readonly hosts?: Readonly<Partial<Record<Product, string | undefined>>>;
  /** A service account's key to sign in with at Google Cloud, instead of the process's own identity. Never sent to the hosts above. */
  readonly credentials?: { readonly client_email: string; readonly private_key: string };
  /** Who we are to local-cloud: a bearer token, sent only to the hosts above. */
  readonly token?: string | (() => string) | undefined;
}

/** From a service's settings. */
export const googleConfig = (settings: {
  readonly project: string;
  readonly location: string;
  readonly pubsubHost: string | undefined;
  readonly bigqueryHost: string | undefined;
  readonly bigqueryStorageHost: string | undefined;
  readonly kmsHost: string | undefined;
  readonly localCloudToken: string | undefined;
}): GoogleConfig => ({
  project: settings.project,
  location: settings.location,
  hosts: {
    pubsub: settings.pubsubHost,
    bigquery: settings.bigqueryHost,
    bigqueryStorage: settings.bigqueryStorageHost,
    kms: settings.kmsHost,
  },
  token: settings.localCloudToken,
});

/** Picks the hosts out of values named as in the environment. */
export function hostsFrom(values: Readonly<Record<string, string | undefined>>): Partial<Record<Product, string>> {
  const hosts: Partial<Record<Product, string>> = {};
  for (const [product, name] of Object.entries(EMULATOR_HOSTS)) {
    const value = values[name]?.trim();
    if (value) hosts[product as Product] = value;
  }
  return hosts;
}

export function hostAndPort(host: string): { host: string; port: number } {
  const { hostname, port } = new URL(/^https?:\/\//.test(host) ? host : `http://${host}`);
  if (!port) throw new TypeError(`an emulator host needs a port: ${host}`);
  return { host: hostname, port: Number(port) };
}

export const bearer = (config: GoogleConfig): string | undefined => {
  const token = typeof config.token === 'function' ? config.token() : config.token;
  return token ? `Bearer ${token}` : undefined;
};

/** What a client that talks to Google Cloud signs in with; nothing: the process's own identity. */
export const signIn = ({ credentials }: GoogleConfig): Pick<GoogleConfig, 'credentials'> => (credentials ? { credentials } : {});

/** A channel whose peer was away tries again within this; gRPC itself would wait up to two minutes. */
export const RECONNECT_MS = 2_000;
const reconnecting = { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': RECONNECT_MS };

/** Options of a gRPC client of Google's: how it reconnects, and the host on this machine where the product is not the real one. */
export function grpcOptions(config: GoogleConfig, product: Product): { readonly projectId: string; readonly apiEndpoint?: string } {
  const at = config.hosts?.[product];
  if (!at) return { projectId: config.project, ...reconnecting, ...signIn(config) };
  const { host, port } = hostAndPort(at);
  const options = {
    projectId: config.project,
    ...reconnecting,
    apiEndpoint: host,
    servicePath: host,
    port,
    sslCreds: grpc.credentials.createInsecure(),
    ...(config.token ? { 'grpc.channelFactoryOverride': withBearer(config) } : {}),
  };
  return options;
}

/** gRPC sends no call credentials over a plain connection, so the token goes into each call's metadata. */
const withBearer =
  (config: GoogleConfig) =>
  (address: string, credentials: grpc.ChannelCredentials, options: grpc.ChannelOptions): grpc.Channel => {
    const channel = new grpc.Channel(address, credentials, options);
    const createCall = channel.createCall.bind(channel);
    channel.createCall = (...how: Parameters<grpc.Channel['createCall']>) => {
      const call = createCall(...how);
      const start = call.start.bind(call);
      call.start = (metadata, listener) => {
        const token = bearer(config);
        if (token) metadata.set('authorization', token);
        start(metadata, listener);
      };
      return call;
    };
    return channel;
  };
