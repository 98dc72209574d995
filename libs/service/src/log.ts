/**
 * The log: one JSON object a line, with the field names Google Cloud Logging understands.
 *
 * Does not know: what is logged. 1. Every line carries severity, service and, inside a request or message, the trace.
 * 2. No secret leaves (redact.ts): keys are cleaned field by field, values once more on the finished line.
 */
import { createRequire } from 'node:module';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { createRedactor, type Redactor } from './redact.ts';

export type Log = Logger;
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export interface LogOptions {
  readonly service: string;
  readonly project: string;
  readonly level?: string;
  readonly pretty?: boolean;
  readonly secrets?: readonly string[];
  /** Where lines go; stdout unless a test listens. */
  readonly destination?: DestinationStream;
}

const SEVERITY: Readonly<Record<string, string>> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
};

export function createLog(options: LogOptions): Log {
  const redactor = createRedactor(options.secrets);
  const log = pino(
    {
      level: options.level ?? 'info',
      messageKey: 'message',
      base: { service: options.service },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ severity: SEVERITY[label] ?? 'DEFAULT' }),
        log: (fields) => cleaned(redactor, fields),
      },
      // Errors were made plain with the other fields; the standard serializer would look at them again.
      serializers: { err: (value) => (value instanceof Error ? stdSerializers.err(value) : value) },
      hooks: { streamWrite: (line) => redactor.text(line) },
      mixin: () => traceFields(options.project),
    },
    options.destination ?? (options.pretty ? prettyStream() : pino.destination({ dest: 1, sync: false })),
  );
  // pino formats what a child is given for good only at the root, so each child's fields are cleaned on their way in.
  const child = log.child;
  log.child = function cleanChild(this: Log, fields: object, childOptions?: never) {
    return child.call(this, cleaned(redactor, fields), childOptions);
  } as typeof log.child;
  return log;
}

function cleaned(redactor: Redactor, fields: object): Record<string, unknown> {
  return redactor.fields({ ...fields }) as Record<string, unknown>;
}

function traceFields(project: string): Record<string, unknown> {
  const context = trace.getActiveSpan()?.spanContext();
  if (!context || !isSpanContextValid(context)) return {};
  return {
    trace_id: context.traceId,
    'logging.googleapis.com/trace': `projects/${project}/traces/${context.traceId}`,
    'logging.googleapis.com/spanId': context.spanId,
    'logging.googleapis.com/trace_sampled': (context.traceFlags & 1) === 1,
  };
}

/** Loaded only where it is asked for. */
function prettyStream(): DestinationStream {
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  return pretty({
    messageKey: 'message',
    timestampKey: 'time',
    levelKey: 'severity',
    ignore: 'logging.googleapis.com/trace,logging.googleapis.com/spanId,logging.googleapis.com/trace_sampled',
    sync: true,
  });
}
