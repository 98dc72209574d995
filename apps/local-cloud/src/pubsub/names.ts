/** Resource names of Pub/Sub, as Google checks them, with its texts. */
import { GrpcRefusal } from '../grpc/refusal.ts';

export type Kind = 'topics' | 'subscriptions' | 'snapshots';

const ID = /^(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/;
const PROJECT = /^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,61}[a-z0-9]$|^[0-9]{6,20}$/;

/** Throws INVALID_ARGUMENT for a name that breaks the rules. */
export function checkName(kind: Kind, name: string | undefined): string {
  const parts = (name ?? '').split('/');
  if (parts.length !== 4 || parts[0] !== 'projects' || parts[2] !== kind || !PROJECT.test(parts[1]!) || !ID.test(parts[3]!)) {
    throw new GrpcRefusal(
      'INVALID_ARGUMENT',
      `Invalid resource name given (name=${name ?? ''}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
    );
  }
  return name!;
}

export function checkProject(project: string | undefined): string {
  const [prefix, id, ...rest] = (project ?? '').split('/');
  if (prefix !== 'projects' || id === undefined || rest.length > 0 || !PROJECT.test(id)) {
    throw new GrpcRefusal(
      'INVALID_ARGUMENT',
      `Invalid resource name given (name=${project ?? ''}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
    );
  }
  return `${project}/`;
}

export const idOf = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

export function notFound(name: string): GrpcRefusal {
  return new GrpcRefusal('NOT_FOUND', `Resource not found (resource=${idOf(name)}).`);
}

export function alreadyExists(name: string): GrpcRefusal {
  return new GrpcRefusal('ALREADY_EXISTS', `Resource already exists in the project (resource=${idOf(name)}).`);
}
