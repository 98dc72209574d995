/**
 * Metrics: one Prometheus registry a process, with what every service measures alike.
 * Names follow Prometheus' habits: base units, `_total` for counters. Labels never carry a tenant or an id (cardinality).
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  readonly httpRequests: Histogram<'method' | 'route' | 'status'>;
  readonly internalRequests: Histogram<'target' | 'method' | 'outcome'>;
  readonly messages: Counter<'subscription' | 'outcome'>;
  readonly messageSeconds: Histogram<'subscription'>;
  counter<L extends string>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  gauge<L extends string>(name: string, help: string, labels?: readonly L[], collect?: (gauge: Gauge<L>) => void): Gauge<L>;
  histogram<L extends string>(name: string, help: string, labels?: readonly L[], buckets?: readonly number[]): Histogram<L>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics(service: string, { processMetrics = true } = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  if (processMetrics) collectDefaultMetrics({ register: registry });

  const counter = <L extends string>(name: string, help: string, labels: readonly L[] = []) =>
    new Counter<L>({ name, help, labelNames: [...labels], registers: [registry] });
  const gauge = <L extends string>(name: string, help: string, labels: readonly L[] = [], collect?: (gauge: Gauge<L>) => void) =>
    new Gauge<L>({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      ...(collect && {
        collect() {
          collect(this);
        },
      }),
    });
  const histogram = <L extends string>(name: string, help: string, labels: readonly L[] = [], buckets: readonly number[] = SECONDS) =>
    new Histogram<L>({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] });

  return {
    registry,
    counter,
    gauge,
    histogram,
    httpRequests: histogram('http_request_duration_seconds', 'Time to answer a request', ['method', 'route', 'status']),
    internalRequests: histogram('internal_request_duration_seconds', 'Time of a call to another service', ['target', 'method', 'outcome']),
    messages: counter('messages_total', 'Messages by what became of them', ['subscription', 'outcome']),
    messageSeconds: histogram('message_batch_duration_seconds', 'Time to handle a batch of messages', ['subscription']),
  };
}
