/**
 * One gRPC server on loopback, built from the descriptors that Google's client packages ship.
 * It knows wire and status codes, no product.
 *
 * 1. A handler that throws a GrpcRefusal answers with its status; anything else answers INTERNAL and is logged, and the process lives on.
 * 2. Bytes that do not decode answer INVALID_ARGUMENT; a method without a handler answers UNIMPLEMENTED by name.
 * 3. A request above `maxRequestBytes` is refused by the transport with RESOURCE_EXHAUSTED before it is decoded.
 */
import { createRequire } from 'node:module';
import {
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { widenFlowWindows } from './flow-window.ts';
import { GrpcRefusal } from './refusal.ts';

export interface Call {
  readonly metadata: Metadata;
  readonly peer: string;
}
/** Plain objects in and out; field names in camel case, enums as strings, int64 as numbers, bytes as Buffer, unset fields absent. */
// biome-ignore lint/suspicious/noExplicitAny: the shape of a request is the descriptor's, each product narrows it
export type Unary = (request: any, call: Call) => unknown;
/** Skips decoding: the hot path of a product reads and writes the bytes itself. */
export interface RawUnary {
  readonly raw: (request: Buffer, call: Call) => Uint8Array | Promise<Uint8Array>;
}
/** Skips decoding; writes go to the call as bytes. */
export interface RawBidi {
  readonly bidi: (call: ServerDuplexStream<Buffer, Uint8Array>) => void;
}
export type Handler = Unary | RawUnary | RawBidi;

export interface GrpcServer {
  readonly port: number;
  /** Ends open streams with UNAVAILABLE-like cancellation after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** The descriptors of a client package, e.g. `@google-cloud/pubsub/build/protos/protos.json`. */
export function descriptors(module: string): protobuf.Root {
  return protobuf.Root.fromJSON(createRequire(import.meta.url)(module));
}

/** Decoding a nested message deeper than this is an attack, not a request. */
const toObject: protobuf.IConversionOptions = { longs: Number, enums: String, bytes: Buffer, arrays: true, objects: true };

class Undecodable {}

export async function listen(options: {
  readonly port: number;
  readonly host?: string;
  readonly maxRequestBytes: number;
  readonly services: readonly { readonly root: protobuf.Root; readonly name: string; readonly handlers: Record<string, Handler> }[];
  /** Runs before every call; may throw a GrpcRefusal (authentication). */
  readonly admit?: (call: Call) => void | Promise<void>;
  readonly onBug: (method: string, error: unknown) => void;
}): Promise<GrpcServer> {
  widenFlowWindows();
  const server = new Server({
    'grpc.max_receive_message_length': options.maxRequestBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': 10_000,
  });
  for (const { root, name, handlers } of options.services) {
    const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const method of root.lookupService(name).methodsArray) {
      method.resolve();
      const request = method.resolvedRequestType as protobuf.Type;
      const response = method.resolvedResponseType as protobuf.Type;
      const handler = handlers[method.name];
      const path = `/${name}/${method.name}`;
      const raw = typeof handler === 'object';
      definition[method.name] = {
        path,
        requestStream: method.requestStream ?? false,
        responseStream: method.responseStream ?? false,
        requestSerialize: (value) => value as Buffer,
        responseDeserialize: (bytes) => bytes,
        requestDeserialize: raw ? (bytes) => bytes : (bytes) => decode(request, bytes),
        responseSerialize: raw
          ? (value) => value as Buffer
          : (value) => Buffer.from(response.encode(response.fromObject(value as object)).finish()),
      };
      if (handler === undefined) {
        implementation[method.name] = refuseUnimplemented(name, method);
      } else if (typeof handler === 'object' && 'bidi' in handler) {
        implementation[method.name] = (call: ServerDuplexStream<Buffer, Uint8Array>) => {
          guardStream(call, path, options, () => handler.bidi(call));
        };
      } else {
        const run = typeof handler === 'function' ? handler : handler.raw;
        implementation[method.name] = unary(path, run as Unary, options);
      }
    }
    server.addService(definition as ServiceDefinition, implementation);
  }
  const host = options.host ?? '127.0.0.1';
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${options.port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    port,
    close: (graceMs = 500) =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.forceShutdown(), graceMs);
        server.tryShutdown(() => {
          clearTimeout(force);
          resolve();
        });
      }),
  };
}

function decode(type: protobuf.Type, bytes: Buffer): unknown {
  try {
    return type.toObject(type.decode(bytes), toObject);
  } catch {
    return new Undecodable();
  }
}

function unary(
  path: string,
  run: Unary,
  options: { readonly admit?: (call: Call) => void | Promise<void>; readonly onBug: (method: string, error: unknown) => void },
): handleUnaryCall<unknown, unknown> {
  return (call: ServerUnaryCall<unknown, unknown>, callback) => {
    const seen: Call = { metadata: call.metadata, peer: call.getPeer() };
    const fail = (error: unknown): void => callback(toStatus(error, path, options.onBug), null);
    if (call.request instanceof Undecodable) {
      fail(new GrpcRefusal('INVALID_ARGUMENT', 'Request contains an invalid argument.'));
      return;
    }
    try {
      const admitted = options.admit?.(seen);
      const result = admitted instanceof Promise ? admitted.then(() => run(call.request, seen)) : run(call.request, seen);
      if (result instanceof Promise) {
        result.then((value) => callback(null, value), fail);
      } else {
        callback(null, result);
      }
    } catch (error) {
      fail(error);
    }
  };
}

function guardStream(
  call: ServerDuplexStream<Buffer, Uint8Array>,
  path: string,
  options: { readonly admit?: (call: Call) => void | Promise<void>; readonly onBug: (method: string, error: unknown) => void },
  start: () => void,
): void {
  call.on('error', () => {});
  const open = async (): Promise<void> => {
    await options.admit?.({ metadata: call.metadata, peer: call.getPeer() });
    start();
  };
  open().catch((error) => endWith(call, toStatus(error, path, options.onBug)));
}

/** Ends a stream with a status. */
export function endWith(call: ServerDuplexStream<Buffer, Uint8Array>, error: { code: number; details: string; metadata: Metadata }): void {
  call.emit('error', error);
}

export function toStatus(
  error: unknown,
  path: string,
  onBug: (method: string, error: unknown) => void,
): { code: number; details: string; metadata: Metadata; name: string; message: string } {
  if (error instanceof GrpcRefusal) {
    return { code: error.code, details: error.message, metadata: error.metadata, name: error.name, message: error.message };
  }
  onBug(path, error);
  const text = 'Internal error encountered.';
  return { code: status.INTERNAL, details: text, metadata: new Metadata(), name: 'Error', message: text };
}

function refuseUnimplemented(
  service: string,
  method: protobuf.Method,
): (call: ServerUnaryCall<unknown, unknown>, callback?: unknown) => void {
  const refusal = {
    code: status.UNIMPLEMENTED,
    details: `${service}.${method.name} is not part of local-cloud.`,
    metadata: new Metadata(),
  };
  return (call, callback) => {
    if (typeof callback === 'function') {
      callback(refusal, null);
    } else {
      call.emit('error', refusal);
    }
  };
}
