import { Refusal } from '@convergence/contracts';

/** A page of what is ordered by a text key: the cursor is the last key of the page before. */
export function pageOf<T>(
  all: Iterable<T>,
  key: (item: T) => string,
  { limit = 50, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): { readonly items: T[]; readonly next_cursor: string | null } {
  const after = cursor === undefined ? '' : keyOf(cursor);
  const rest: T[] = [];
  for (const item of all) if (key(item) > after) rest.push(item);
  rest.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next_cursor: rest.length > limit && last !== undefined ? Buffer.from(key(last)).toString('base64url') : null };
}

function keyOf(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString('utf8');
  if (Buffer.from(key).toString('base64url') !== cursor) throw new Refusal('request.invalid', 'The cursor is not one of ours.');
  return key;
}
