import { GrpcRefusal } from '../grpc/refusal.ts';

const MAX_PAGE = 1000;

/** A page of names in order; the token is the last name given out. */
export function page<T>(
  all: Iterable<T>,
  name: (item: T) => string,
  request: { pageSize?: number; pageToken?: string },
): { items: T[]; nextPageToken: string } {
  const size = request.pageSize ?? 0;
  if (size < 0) {
    throw new GrpcRefusal('INVALID_ARGUMENT', `Invalid page size given (page_size=${size}). It must not be negative.`);
  }
  const after = request.pageToken ? Buffer.from(request.pageToken, 'base64url').toString() : '';
  const limit = size === 0 || size > MAX_PAGE ? MAX_PAGE : size;
  const rest = [...all].filter((item) => name(item) > after).sort((a, b) => (name(a) < name(b) ? -1 : 1));
  const items = rest.slice(0, limit);
  return { items, nextPageToken: rest.length > limit ? Buffer.from(name(items.at(-1)!)).toString('base64url') : '' };
}
