import { Refusal } from '@convergence/contracts';

/** A page of a list that is ordered by a text key: the cursor is the last key of the page before. */
export function pageOf<T>(
  all: Iterable<T>,
  key: (item: T) => string,
  limit: number,
  cursor: string | undefined,
): { items: T[]; next_cursor: string | null } {
  const after = cursor === undefined ? '' : decode(cursor);
  const rest = [...all].filter((item) => key(item) > after).sort((a, b) => (key(a) < key(b) ? -1 : 1));
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next_cursor: rest.length > limit && last !== undefined ? Buffer.from(key(last)).toString('base64url') : null };
}

function decode(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (Buffer.from(text).toString('base64url') !== cursor) throw new Refusal('request.invalid', 'The cursor is not one of ours.');
  return text;
}
