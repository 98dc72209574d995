/** Numbers that gRPC gives to outcomes. */
const ALREADY_EXISTS = 6;
const NOT_FOUND = 5;
const AGAIN = new Set([1, 2, 4, 8, 10, 13, 14]);

export const codeOf = (cause: unknown): number | undefined => {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'number' ? code : undefined;
};
export const isAlreadyExists = (cause: unknown): boolean => codeOf(cause) === ALREADY_EXISTS;
export const isNotFound = (cause: unknown): boolean => codeOf(cause) === NOT_FOUND;
/** BigQuery's reason for what Storage Write refuses. */
export const reasonOf = (cause: unknown): string => REASONS[codeOf(cause) ?? -1] ?? 'invalid';
const REASONS: Readonly<Record<number, string>> = { 5: 'notFound', 7: 'accessDenied' };
/** Cancelled, unknown, deadline, exhausted, aborted, internal, unavailable: the same again may succeed. */
export const mayRetry = (cause: unknown): boolean => AGAIN.has(codeOf(cause) ?? -1);
