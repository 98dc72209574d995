/**
 * Tracing: W3C trace context from the HTTP request, through service calls and messages, into every log line.
 *
 * Does not know: Koa, Pub/Sub. 1. A carrier is a plain record of texts (HTTP headers, message attributes).
 * 2. Without an exporter spans cost next to nothing: ids are made and passed on, nothing is recorded.
 */
import { createRequire } from 'node:module';
import { type Attributes, type Context, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

type ExporterPackage = typeof import('@opentelemetry/exporter-trace-otlp-http');

export interface TraceOptions {
  readonly service: string;
  /** OTLP over HTTP, e.g. http://127.0.0.1:4318; nothing is exported without it. */
  readonly endpoint?: string | undefined;
  /** For tests that look at the spans. */
  readonly processors?: readonly SpanProcessor[];
}

/** Installs the process's tracer; answers how to flush and close it. */
export function startTracing(options: TraceOptions): { stop(): Promise<void> } {
  const processors = [...(options.processors ?? [])];
  if (options.endpoint) {
    // Five megabytes that nobody needs who exports nothing.
    const { OTLPTraceExporter } = createRequire(import.meta.url)('@opentelemetry/exporter-trace-otlp-http') as ExporterPackage;
    processors.push(new BatchSpanProcessor(new OTLPTraceExporter({ url: `${options.endpoint.replace(/\/+$/, '')}/v1/traces` })));
  }
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': options.service }),
    sampler: processors.length > 0 ? new ParentBasedSampler({ root: new AlwaysOnSampler() }) : new AlwaysOffSampler(),
    spanProcessors: processors,
  });
  provider.register({ propagator: new W3CTraceContextPropagator() });
  return { stop: () => provider.shutdown() };
}

export type Carrier = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The context that came with a request or message; the current one where none came. */
export function incomingContext(carrier: Carrier): Context {
  return propagation.extract(context.active(), carrier);
}

/** `traceparent` (and `tracestate`) of the current span, to send along. */
export function outgoingTrace(): Record<string, string> {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier;
}

export function currentTraceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId;
}

export interface SpanOptions {
  readonly kind?: 'server' | 'client' | 'producer' | 'consumer' | 'internal';
  readonly parent?: Context;
  readonly attributes?: Attributes;
}

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

/** Runs `work` inside a span; an error marks the span and goes on. */
export async function inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  const parent = options.parent ?? context.active();
  const span = trace
    .getTracer('convergence')
    .startSpan(name, { kind: KINDS[options.kind ?? 'internal'], ...(options.attributes && { attributes: options.attributes }) }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), () => work(span));
  } catch (error) {
    span.recordException(error as Error);
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
