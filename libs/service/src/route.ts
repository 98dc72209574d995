/**
 * A route: one endpoint's declaration and the function that answers it. A public one is declared once as an `Operation` in
 * contracts; one between services is declared where it is served.
 *
 * 1. A handler only runs when params, query and body fit their schemas. 2. Query and path values arrive as texts and become
 * numbers, booleans and lists only where the schema says so.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { check, type FieldError, type Principal, Refusal, type ServiceName } from '@convergence/contracts';
import Type, { type Static, type TSchema } from 'typebox';
import type { Log } from './log.ts';

export interface Endpoint {
  /** Public: `<resource>.<verb>`. */
  readonly id?: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** OpenAPI form: `/api/v1/tenants/{tenant_id}/quota` */
  readonly path: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  readonly bodyOptional?: boolean;
  readonly response?: TSchema;
  readonly successStatus?: number;
  /** Which services may call it; absent: whoever the service's `authenticate` lets in. */
  readonly callers?: readonly ServiceName[];
}

type Shape<E, K extends PropertyKey> = E extends { readonly [P in K]: infer S extends TSchema } ? Static<S> : Record<string, never>;
type Answer<E> = E extends { readonly response: infer S extends TSchema } ? Static<S> : unknown;

/** What a handler is given. */
export interface Call<E = Endpoint> {
  readonly params: Shape<E, 'params'>;
  readonly query: Shape<E, 'query'>;
  readonly body: Shape<E, 'body'>;
  /** The body's bytes, for signatures. */
  readonly raw: Buffer;
  readonly principal: Principal;
  /** The service that called, when it was one of ours. */
  readonly caller: ServiceName | undefined;
  readonly requestId: string;
  readonly log: Log;
  /** Aborted when the client went away. */
  readonly signal: AbortSignal;
  /** For what the declaration can't say: headers, the address. */
  readonly request: IncomingMessage;
}

/** JSON that another service wrote and checked: it goes on as it came. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export interface Reply<T = unknown> {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON; a stream goes out as it is and needs its own content-type among `headers`. */
  readonly body?: T | JsonText | Readable;
}

export interface Identity {
  readonly principal: Principal;
  /** The service that called, when it was one of ours. */
  readonly caller?: ServiceName;
}

interface CallParts {
  readonly given: { readonly params: unknown; readonly query: unknown; readonly body: unknown };
  readonly raw: Buffer;
  readonly identity: Identity;
  readonly requestId: string;
  readonly log: Log;
  readonly signal: () => AbortSignal;
  readonly request: IncomingMessage;
}

/** Log and signal are made when a handler asks for them: most never do. */
export function callOf({ given, raw, identity, requestId, log, signal, request }: CallParts): Call {
  let ownLog: Log | undefined;
  let ownSignal: AbortSignal | undefined;
  return {
    ...(given as Pick<Call, 'params' | 'query' | 'body'>),
    raw,
    principal: identity.principal,
    caller: identity.caller,
    requestId,
    get log() {
      ownLog ??= log.child({ request_id: requestId });
      return ownLog;
    },
    get signal() {
      ownSignal ??= signal();
      return ownSignal;
    },
    request,
  };
}

export type Handler<E> = (call: Call<E>) => Promise<Reply<Answer<E>>> | Reply<Answer<E>>;

export interface Route {
  readonly endpoint: Endpoint;
  readonly handle: (call: Call<never>) => Promise<Reply> | Reply;
}

export function route<const E extends Endpoint>(endpoint: E, handle: Handler<E>): Route {
  return { endpoint, handle: handle as unknown as Route['handle'] };
}

/** A route that only the named services may call. */
export function internalRoute<const E extends Endpoint & { readonly callers: readonly ServiceName[] }>(
  endpoint: E,
  handle: Handler<E>,
): Route {
  return route(endpoint, handle as unknown as Handler<E>);
}

/** An endpoint that declares none takes none: a name that means nothing is refused everywhere. */
const NO_QUERY = Type.Object({}, { additionalProperties: false });

export interface Incoming {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** The request in the shapes of the endpoint, or one Refusal that names every field that does not fit. */
export function shaped(endpoint: Endpoint, incoming: Incoming): { params: unknown; query: unknown; body: unknown } {
  const errors: (FieldError & { in: string })[] = [];
  const take = (where: string, schema: TSchema | undefined, value: unknown): unknown => {
    if (!schema) return {};
    const result = check(schema, value);
    if (result.ok) return result.value;
    errors.push(...result.errors.map((error) => ({ in: where, ...error })));
    return undefined;
  };
  const params = take('path', endpoint.params, typed(endpoint.params, Object.entries(incoming.params)));
  const query = take('query', endpoint.query ?? NO_QUERY, typed(endpoint.query, incoming.query));
  let body: unknown;
  if (endpoint.body && incoming.body === undefined && !endpoint.bodyOptional) {
    errors.push({ in: 'body', path: '/', message: 'is required' });
  } else {
    body = take('body', endpoint.body, incoming.body === undefined ? {} : incoming.body);
  }
  if (errors.length > 0) {
    const first = errors
      .slice(0, 3)
      .map((error) => `${error.in} ${error.path} ${error.message}`)
      .join('; ');
    throw new Refusal('request.invalid', errors.length > 3 ? `${first}; and ${errors.length - 3} more.` : `${first}.`, {
      fields: { errors },
    });
  }
  return { params, query, body };
}

/** Texts as the schema's types where they read as such; the others stay texts for the schema to refuse. */
function typed(schema: TSchema | undefined, pairs: Iterable<readonly [string, string]>): Record<string, unknown> {
  const properties = (schema as { properties?: Record<string, Record<string, unknown>> } | undefined)?.properties ?? {};
  const record: Record<string, unknown> = Object.create(null);
  for (const [name, value] of pairs) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (property?.type === 'array') {
      const items = value.split(',').filter(Boolean);
      record[name] = [
        ...((record[name] as unknown[]) ?? []),
        ...items.map((item) => scalar(property.items as Record<string, unknown>, item)),
      ];
    } else {
      // A name given twice has no one meaning, so it becomes a list and the schema refuses it.
      record[name] = name in record ? [record[name], value].flat() : scalar(property, value);
    }
  }
  return { ...record };
}

function scalar(schema: Record<string, unknown> | undefined, value: string): unknown {
  if ((schema?.type === 'integer' || schema?.type === 'number') && /^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return Number(value);
  if (schema?.type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}
