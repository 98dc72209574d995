/**
 * The floor every service stands on: one way to start, be configured, log, trace, measure, answer, call and subscribe.
 *
 * A whole main.ts:
 *
 *   const fields = { ...baseFields(8081), refreshSeconds: decimal('REFRESH_SECONDS', { default: 15 }) };
 *   await runService({ name: 'tenant-service', fields, env: process.env, build: (context) => service(context) });
 *
 * and what `build` gives back (all optional):
 *
 *   return {
 *     routes: [route(getQuota, async ({ params, principal }) => ({ body: state.quota(params.tenant_id) })),
 *              internalRoute({ method: 'POST', path: '/internal/admissions', callers: ['gateway'], body: AdmitRequest,
 *                              response: AdmitResponse }, async ({ body }) => ({ body: await admit(body) }))],
 *     bus, subscriptions: [{ subscription: { topic, consumer, ... }, handlers: [on(runCompleted, async (batch) => { ... })] }],
 *     ready: { 'Pub/Sub': () => bus.check() },     // names that /readyz gives
 *     start: () => slice.recover(),                // slow start; 503 until done
 *     stop: [() => bus.close()],                   // last to first, after requests and messages are done
 *   };
 *
 * Without `authenticate` a service lets in only our own services with a signed principal token (context.client makes such
 * calls). Handlers throw Refusal or Transient (contracts); the edge and the settler turn them into answers and settlements.
 * Events go out as `bus.publish([eventMessage(definition, data, { source: name, id })])`, inside the current trace.
 */
export { admitAfterEnd } from './admit-after-end.ts';
export { type AppOptions, type Authenticate, createApp } from './app.ts';
export { type BaseConfig, baseFields, isLocal } from './base-config.ts';
export { BODY_LIMIT, readJsonBody } from './body.ts';
export { type Command, commandHeaders, commandId, commandOf, idOfMade, noteMade } from './command-id.ts';
export {
  type Config,
  ConfigError,
  decimal,
  type Environment,
  type Field,
  type Fields,
  flag,
  hostPort,
  integer,
  list,
  oneOf,
  parseConfig,
  secret,
  text,
  url,
} from './config.ts';
export { eventMessage, readEvent } from './event.ts';
export { type Gathering, gather } from './gather.ts';
export { type GoogleClient, googleEmail } from './google-token.ts';
export { type Phase, type ReadyCheck, readiness } from './health.ts';
export { internalAuthentication } from './internal-authentication.ts';
export { type InternalClient, type InternalRequest, type InternalResponse, internalClient } from './internal-client.ts';
export { createLog, type Log } from './log.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { openapi } from './openapi.ts';
export { pageOf } from './page.ts';
export { patiently } from './patience.ts';
export { type GoogleIdentity, TokenSigner, TokenVerifier } from './principal-token.ts';
export { problemOf } from './problem.ts';
export { createRedactor, isSecretKey, REDACTED } from './redact.ts';
export { type Call, type Endpoint, type Handler, type Identity, internalRoute, JsonText, type Reply, type Route, route } from './route.ts';
export { type BuildContext, type Built, type RunningService, runService, type ServiceOptions, startService } from './run.ts';
export { type BatchHandler, type EventHandler, on, type Received, type SubscriptionSpec, settleBatch, subscribe } from './subscribe.ts';
export { systemClock } from './system-clock.ts';
export { currentTraceId, incomingContext, inSpan, outgoingTrace, startTracing } from './trace.ts';
