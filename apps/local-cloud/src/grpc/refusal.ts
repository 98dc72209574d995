/**
 * A refusal that reaches the caller as a gRPC status, with Google's code and text.
 * Anything else that is thrown in a handler is a bug: the caller sees INTERNAL without its message.
 */
import { Metadata, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

export type StatusName = keyof typeof status;

export class GrpcRefusal extends Error {
  override readonly name = 'GrpcRefusal';
  readonly code: number;
  readonly metadata: Metadata;

  constructor(code: StatusName, details: string, metadata = new Metadata()) {
    super(details);
    this.code = status[code];
    this.metadata = metadata;
  }
}

/** Trailers that carry a google.rpc.ErrorInfo the way Google's servers send it (gax reads `errorInfoMetadata` from there). */
export function errorInfo(code: StatusName, text: string, reason: string, domain: string, metadata: Record<string, string>): Metadata {
  const info = protobuf.Writer.create().uint32(10).string(reason).uint32(18).string(domain);
  for (const [key, value] of Object.entries(metadata)) {
    info.uint32(26).fork().uint32(10).string(key).uint32(18).string(value).ldelim();
  }
  const any = protobuf.Writer.create().uint32(10).string('type.googleapis.com/google.rpc.ErrorInfo').uint32(18).bytes(info.finish());
  const details = protobuf.Writer.create().uint32(8).int32(status[code]).uint32(18).string(text).uint32(26).bytes(any.finish()).finish();
  const trailers = new Metadata();
  trailers.set('grpc-status-details-bin', Buffer.from(details));
  return trailers;
}
