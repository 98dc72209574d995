/**
 * What `npm start` starts: processes, their ports and their environment. Pure: the environment and the list of existing
 * entry files come in.
 * 1. PORT_OFFSET moves every port. 2. A service's own variables of the caller's environment win over the plan's.
 */
import { join, resolve } from 'node:path';

export interface ProcessPlan {
  readonly name: string;
  readonly main: string;
  readonly nodeOptions: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Every port it will listen on, with what it is for. */
  readonly ports: readonly { readonly port: number; readonly use: string }[];
  /** Where it says that it is ready. */
  readonly readyUrl: string | undefined;
}

export interface Plan {
  readonly cloud: ProcessPlan;
  readonly services: readonly ProcessPlan[];
  /** What tools/provision.ts needs to reach local-cloud. */
  readonly provisionEnv: Readonly<Record<string, string>>;
  readonly gatewayUrl: string;
  /** Where the source of openai/example/costs answers. */
  readonly samplePort: number;
  readonly dataDir: string;
}

export class BadOption extends Error {}

/** What only this data folder knows. */
export interface Secrets {
  /** Services sign with it between themselves. */
  readonly signingKey: string;
  /** Who a process is to local-cloud; `owner` is the person at the machine. */
  readonly token: (name: string) => string;
}
export const NO_SECRETS: Secrets = { signingKey: '', token: () => '' };

const SERVICES = { gateway: 8080, 'tenant-service': 8081, 'scheduler-service': 8082, 'executor-service': 8083 } as const;
const CLOUD = { PUBSUB: 8085, BIGQUERY: 9050, BIGQUERY_STORAGE: 9060, KMS: 9070 } as const;
const SAMPLES = 8090;
/** Amanda's: fetch and browsers refuse to talk to it, whoever listens there. */
const SHUNNED = 10080;
const USES: Record<keyof typeof CLOUD, string> = {
  PUBSUB: 'Pub/Sub',
  BIGQUERY: 'BigQuery',
  BIGQUERY_STORAGE: 'BigQuery Storage Write',
  KMS: 'KMS',
};
/** Four services share a laptop with everything else on it: an idle one keeps its heap small (libs/service/src/full-speed.ts ends that). */
export const SMALL_HEAP = ['--max-semi-space-size=16', '--import', new URL('./small-heap.mjs', import.meta.url).href];
/** glibc keeps freed memory in an arena a thread, and what large buffers took; with one arena and fixed thresholds it goes back. */
export const LEAN_MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '131072' };
/** How local-cloud is run. A large young generation would hold the buffers of requests that are long done: 80 MB after a burst. */
export const CLOUD_PROCESS = { nodeOptions: ['--max-semi-space-size=2'], env: LEAN_MALLOC } as const;
type Environment = Readonly<Record<string, string | undefined>>;

export function portOffset(env: Environment): number {
  const text = env.PORT_OFFSET ?? '0';
  const offset = Number(text);
  if (!/^\d+$/.test(text) || offset > 50_000)
    throw new BadOption(`PORT_OFFSET is ${text}, but must be a whole number from 0 to 50000; example: PORT_OFFSET=100`);
  const shunned = [...Object.values(SERVICES), ...Object.values(CLOUD), SAMPLES].some((base) => base + offset === SHUNNED);
  if (shunned)
    throw new BadOption(`PORT_OFFSET is ${text}, which needs port ${SHUNNED}: no browser talks to that; example: PORT_OFFSET=100`);
  return offset;
}

/** `exists` tells which entry files are there: what is not built yet is not started. */
export function plan(root: string, env: Environment, secrets: Secrets, exists: (path: string) => boolean): Plan {
  const offset = portOffset(env);
  const dataDir = resolve(root, env.LOCAL_CLOUD_DATA ?? '.data');
  const port = (base: number) => base + offset;
  // Halves the time to load the code, and keeps the type stripper out of memory. V8 takes only what was compiled under the same flags.
  const compiled = (folder: string) => join(root, 'node_modules', '.cache', folder);
  const emulators = Object.fromEntries(Object.entries(CLOUD).map(([name, base]) => [`${name}_EMULATOR_HOST`, `127.0.0.1:${port(base)}`]));
  const shared = {
    ...emulators,
    BIGQUERY_EMULATOR_HOST: `http://${emulators.BIGQUERY_EMULATOR_HOST}`,
    METADATA_SERVER_DETECTION: 'none',
    ...LEAN_MALLOC,
    NODE_COMPILE_CACHE: compiled('compile'),
    HOST: '127.0.0.1',
    LOCAL_CLOUD_DATA: dataDir,
    INTERNAL_SIGNING_KEY: secrets.signingKey,
    TENANT_SERVICE_URL: `http://127.0.0.1:${port(SERVICES['tenant-service'])}`,
    SCHEDULER_SERVICE_URL: `http://127.0.0.1:${port(SERVICES['scheduler-service'])}`,
    EXECUTOR_SERVICE_URL: `http://127.0.0.1:${port(SERVICES['executor-service'])}`,
    CONFIGS_DIR: join(root, 'configs'),
    OBJECTS_DIR: join(dataDir, 'objects'),
    MAIL_OUTBOX: join(dataDir, 'outbox'),
    REFRESH_SECONDS: '2',
    CHECKPOINT_SECONDS: '2',
    // Ctrl-C promises an end within 10 s for all processes together.
    DRAIN_SECONDS: '5',
  };
  const given = Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const mainOf = (name: string) => join(root, 'apps', name, 'src', 'main.ts');
  const services = Object.entries(SERVICES)
    .filter(([name]) => exists(mainOf(name)))
    .map(([name, base]) => ({
      name,
      main: mainOf(name),
      nodeOptions: SMALL_HEAP,
      env: {
        ...shared,
        LOCAL_CLOUD_TOKEN: secrets.token(name),
        ...given,
        NODE_COMPILE_CACHE: compiled('compile-small-heap'),
        PORT: String(port(base)),
      },
      ports: [{ port: port(base), use: name }],
      readyUrl: `http://127.0.0.1:${port(base)}/readyz`,
    }));
  const cloudPorts = Object.entries(CLOUD).map(([name, base]) => ({ port: port(base), use: USES[name as keyof typeof CLOUD] }));
  return {
    cloud: {
      name: 'local-cloud',
      main: mainOf('local-cloud'),
      env: {
        ...CLOUD_PROCESS.env,
        NODE_COMPILE_CACHE: shared.NODE_COMPILE_CACHE,
        LOCAL_CLOUD_SCHEDULER_JOBS: join(root, 'deploy', 'scheduler', 'jobs.yaml'),
        GATEWAY_URL: `http://127.0.0.1:${port(SERVICES.gateway)}`,
        GCP_PROJECT_ID: 'convergence-local',
        ADMIN_API_KEY: 'dev-admin-key',
        ...given,
        LOCAL_CLOUD_DATA: dataDir,
        PORT_OFFSET: String(offset),
      },
      nodeOptions: CLOUD_PROCESS.nodeOptions,
      ports: cloudPorts,
      readyUrl: undefined,
    },
    services,
    provisionEnv: { ...shared, LOCAL_CLOUD_TOKEN: secrets.token('owner'), ...given },
    gatewayUrl: `http://127.0.0.1:${port(SERVICES.gateway)}`,
    samplePort: port(SAMPLES),
    dataDir,
  };
}
