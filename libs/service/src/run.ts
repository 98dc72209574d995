/**
 * The life of a service process: start, serve, drain, stop.
 *
 * Does not know: what the service does (`build`).
 * 1. Health endpoints answer from the first moment; every other path answers 503 until `build` and `start` are done.
 * 2. SIGTERM or SIGINT: not ready at once, no new requests or messages, what is in hand is finished within DRAIN_SECONDS,
 *    stop hooks run last registered first, exit 0; exit 1 when time ran out. A second signal stops at once.
 * 3. An exception nobody caught ends the process with exit 1 after it is logged: its state can't be trusted.
 * 4. `build` and `start` may take their time (recovery); their failure ends the process.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ServiceName, Transient } from '@convergence/contracts';
import type { Bus, Subscriber } from '@convergence/ports';
import type { Middleware } from 'koa';
import { type AppOptions, type Authenticate, createApp } from './app.ts';
import { BAD_HTTP, refuseBadHttp } from './bad-http.ts';
import { type BaseConfig, checkBase, isLocal, signingKeys } from './base-config.ts';
import { type Config, ConfigError, type Environment, type Fields, parseConfig, secretValues } from './config.ts';
import { fullSpeed, fullSpeedWhenBusy, holdsMuch } from './full-speed.ts';
import { healthEndpoints, type Readiness, type ReadyCheck } from './health.ts';
import { internalAuthentication } from './internal-authentication.ts';
import { type InternalClient, internalClient } from './internal-client.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { TokenSigner, TokenVerifier } from './principal-token.ts';
import type { Route } from './route.ts';
import { type SubscriptionSpec, subscribe } from './subscribe.ts';
import { togetherRoute } from './together.ts';
import { startTracing } from './trace.ts';

export interface BuildContext<C> {
  readonly name: ServiceName;
  readonly config: C;
  readonly local: boolean;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Aborted when draining begins: long answers (server-sent events) end themselves on it. */
  readonly draining: AbortSignal;
  /** What `build` takes its time for: /readyz names it until `build` is done. */
  readonly waitingFor: (dependency: string, reason: string) => void;
  /** A client for another service, signing as this one. */
  readonly client: (target: ServiceName, baseUrl: string, options?: { timeoutMs?: number; attempts?: number }) => InternalClient;
  /** For who begins something long, or takes in a state that is large and stays: see full-speed.ts. */
  readonly fullSpeed: () => void;
  readonly holdsMuch: () => void;
  /** Ends the process in order, for who finds out that it must not go on (a fenced owner). */
  readonly exit: (reason: string, code?: number) => void;
}

export interface Built {
  readonly routes?: readonly Route[];
  /** Who may call; absent: only our own services with a valid internal token. */
  readonly authenticate?: Authenticate;
  readonly middleware?: readonly Middleware[];
  readonly admit?: AppOptions['admit'];
  readonly bus?: Bus;
  /** Taken up after `start`, stopped first when draining. Needs `bus`. */
  readonly subscriptions?: readonly SubscriptionSpec[];
  /** By dependency: what /readyz names. */
  readonly ready?: Readonly<Record<string, ReadyCheck>>;
  /** Slow start: recovery, provisioning. The service is ready after it. */
  readonly start?: () => Promise<void>;
  /** Run last to first after requests and messages are done: write what is buffered, close clients. */
  readonly stop?: readonly (() => Promise<unknown> | unknown)[];
}

export interface ServiceOptions<F extends Fields> {
  readonly name: ServiceName;
  /** `{ ...baseFields(8081), ...own }` */
  readonly fields: F;
  /** process.env, handed over by main.ts. */
  readonly env: Environment;
  /** It is the way in for people: it proves its callers itself (`authenticate` of what it builds), our services do not call it. */
  readonly door?: boolean;
  /** Sentences about combinations of settings. */
  readonly check?: (config: Config<F>) => readonly string[];
  readonly build: (context: BuildContext<Config<F>>) => Promise<Built> | Built;
}

export interface RunningService {
  readonly port: number;
  /** Drains and stops as a signal would, without ending the process. Resolves with the exit code. */
  stop(reason?: string): Promise<number>;
}

/** For main.ts: runs until a signal or a fault, then ends the process. */
export async function runService<F extends Fields>(options: ServiceOptions<F>): Promise<void> {
  let log: Log | undefined;
  let service: (RunningService & { log: Log }) | undefined;
  const crash = (error: unknown, message: string): never => {
    if (error instanceof ConfigError) console.error(error.message);
    else if (log) log.fatal({ err: error }, message);
    else console.error(message, error);
    log?.flush();
    process.exit(1);
  };
  process.on('uncaughtException', (error) => crash(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => crash(error, 'unhandled rejection'));
  let stopping = false;
  const end = (reason: string, code?: number): void => {
    if (stopping) return;
    stopping = true;
    void (service?.stop(reason) ?? Promise.resolve(0)).then((drained) => {
      log?.flush();
      process.exit(code ?? drained);
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => (stopping ? process.exit(1) : end(signal)));
  }
  try {
    await startService(options, { exit: end, onLog: (created) => (log = created), onListen: (running) => (service = running as never) });
  } catch (error) {
    if (!stopping) crash(error, 'the service could not start');
  }
}

interface Hooks {
  readonly exit?: (reason: string, code?: number) => void;
  readonly onLog?: (log: Log) => void;
  /** As soon as it can be stopped, before `start` is done. */
  readonly onListen?: (service: RunningService) => void;
}

/** A service inside this process, for tests: no signal handlers, no exit. */
export async function startService<F extends Fields>(options: ServiceOptions<F>, hooks: Hooks = {}): Promise<RunningService> {
  const parsed = parseConfig(options.name, options.fields, options.env, (config) => [
    ...checkBase(config as unknown as BaseConfig, options),
    ...(options.check?.(config) ?? []),
  ]);
  const config = parsed as unknown as BaseConfig;
  const { name } = options;
  const keys = { keys: signingKeys(config) };
  const log = createLog({
    service: name,
    project: config.project,
    level: config.logLevel,
    pretty: config.logPretty,
    secrets: [...secretValues(options.fields, parsed), ...keys.keys],
  });
  hooks.onLog?.(log);
  const tracing = startTracing({ service: name, endpoint: config.otlpEndpoint });
  const metrics = createMetrics(name);
  const local = isLocal(config);
  const signer = new TokenSigner(name, keys, { google: !local });
  const google = config.internalAudience ? { audience: config.internalAudience, callers: config.internalCallers } : undefined;
  const draining = new AbortController();
  const health: Readiness = { phase: 'starting', checks: new Map() };
  const fatal = hooks.exit ?? ((reason: string) => log.error({ reason }, 'the service asked to exit'));

  const healthPages = healthEndpoints(health, metrics, options.door ? log : undefined);
  let serve = createApp({
    routes: [],
    authenticate: () => Promise.reject(new Transient('The service is starting.')),
    log,
    metrics,
    middleware: [healthPages, onlyWhileServing(health)],
  }).callback();
  const server = createServer(
    { keepAliveTimeout: 65_000, requestTimeout: 60_000, ...BAD_HTTP },
    (request, response) => void serve(request, response),
  );
  refuseBadHttp(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  log.info({ port, local }, 'listening');

  let built: Built | undefined;
  const subscribers: Subscriber[] = [];
  let stopped: Promise<number> | undefined;
  const stop = (reason = 'stop'): Promise<number> => {
    stopped ??= drain(reason);
    return stopped;
  };
  async function drain(reason: string): Promise<number> {
    const began = performance.now();
    const milliseconds = config.drainSeconds * 1000;
    health.phase = 'draining';
    draining.abort(new Error('the service is draining'));
    log.info({ reason }, 'draining');
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // A kept-alive connection that was busy when the server closed goes idle later, and close() would wait for it.
    server.closeIdleConnections();
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    const work = (async () => {
      await Promise.all([closed, ...subscribers.map((subscriber) => subscriber.stop(milliseconds))]);
      for (const hook of [...(built?.stop ?? [])].reverse()) {
        await Promise.resolve(hook()).catch((error: unknown) => log.error({ err: error }, 'a stop hook failed'));
      }
      await tracing.stop();
      return true;
    })();
    const late = new Promise<false>((resolve) => setTimeout(resolve, milliseconds, false).unref());
    const inTime = await Promise.race([work, late]);
    clearInterval(sweep);
    server.closeAllConnections();
    const ms = Math.round(performance.now() - began);
    if (inTime) log.info({ ms }, 'stopped');
    else log.error({ ms }, 'stopped before everything in hand was finished');
    return inTime ? 0 : 1;
  }
  const service: RunningService = { port, stop };
  hooks.onListen?.(service);

  // Bringing back a large state is work too.
  fullSpeedWhenBusy();
  built = await options.build({
    name,
    config: parsed,
    local,
    log,
    metrics,
    draining: draining.signal,
    waitingFor: (dependency, reason) =>
      health.checks.set(dependency, () => {
        throw new Error(reason);
      }),
    client: (target, baseUrl, tuning) => internalClient({ target, baseUrl, signer, metrics, ...tuning }),
    fullSpeed,
    holdsMuch,
    exit: fatal,
  });
  if (options.door && !built.authenticate) throw new Error(`${name} is a door but proves nobody's identity`);
  health.checks.clear();
  for (const [dependency, check] of Object.entries(built.ready ?? {})) health.checks.set(dependency, check);
  const { routes = [] } = built;
  const verifier = new TokenVerifier(name, keys, google);
  serve = createApp({
    routes: built.authenticate ? routes : [...routes, togetherRoute(routes, { verifier, log, metrics, validateResponses: local })],
    authenticate: built.authenticate ?? internalAuthentication(verifier),
    log,
    metrics,
    middleware: [healthPages, onlyWhileServing(health), ...(built.middleware ?? [])],
    ...(built.admit && { admit: built.admit }),
    validateResponses: local,
  }).callback();
  await built.start?.();
  if (draining.signal.aborted) return service;
  const { bus } = built;
  if (bus) {
    for (const spec of built.subscriptions ?? []) {
      const subscriber = subscribe(spec, { bus, log, metrics });
      subscribers.push(subscriber);
      health.checks.set(`subscription ${spec.subscription.topic}`, () => {
        if (!subscriber.healthy) throw new Error(subscriber.lastError ?? 'no messages can be received');
      });
    }
  } else if (built.subscriptions?.length) {
    throw new Error(`${name} declares subscriptions but no bus`);
  }
  health.phase = 'serving';
  log.info({ port }, 'ready');
  return service;
}

function onlyWhileServing(state: Readiness): Middleware {
  return async (ctx, next) => {
    if (state.phase === 'starting') throw new Transient('The service is starting.');
    // The listener is closed; this tells clients of kept-alive connections to go elsewhere for their next request.
    if (state.phase === 'draining') ctx.set('Connection', 'close');
    await next();
  };
}
