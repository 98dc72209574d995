/** Page tokens: opaque to the client, an offset or a key to us. A token that is not ours is refused. */
import { invalid } from '../errors.ts';

export const tokenFor = (position: string | number): string => Buffer.from(`p1:${position}`).toString('base64url');

export function positionOf(token: string | null | undefined): string | undefined {
  if (token === null || token === undefined || token === '') return undefined;
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith('p1:')) throw invalid('Invalid page token.');
  return text.slice(3);
}

export function offsetOf(token: string | null | undefined): number | undefined {
  const position = positionOf(token);
  if (position === undefined) return undefined;
  const offset = Number(position);
  if (!Number.isSafeInteger(offset) || offset < 0) throw invalid('Invalid page token.');
  return offset;
}

export function countOf(text: string | number | null | undefined, fallback: number, name = 'maxResults'): number {
  if (text === null || text === undefined || text === '') return fallback;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0) throw invalid(`Invalid value for ${name}: ${text}`);
  return count;
}

/** One page of a list that is sorted by key; the token names the last key seen, so inserts between pages shift nothing. */
export function pageByKey<T>(
  items: readonly T[],
  key: (item: T) => string,
  query: URLSearchParams,
  most = 1000,
): { page: readonly T[]; nextPageToken?: string } {
  const after = positionOf(query.get('pageToken'));
  const size = Math.min(countOf(query.get('maxResults'), most) || most, most);
  let start = 0;
  if (after !== undefined) {
    const found = items.findIndex((item) => key(item) > after);
    start = found < 0 ? items.length : found;
  }
  const page = items.slice(start, start + size);
  return start + size < items.length ? { page, nextPageToken: tokenFor(key(page.at(-1)!)) } : { page };
}
