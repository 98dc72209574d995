/** Update RPCs name the fields they change by paths in snake case; only first-level fields matter here. */
import { GrpcRefusal } from '../grpc/refusal.ts';

export interface FieldMask {
  readonly paths?: readonly string[];
}

/** Takes the named fields from `update`; a field the mask names and the update lacks is cleared. */
export function applyMask<T extends object>(current: T, update: Partial<T>, mask: FieldMask | undefined, mutable: readonly string[]): T {
  const paths = mask?.paths ?? [];
  if (paths.length === 0) {
    throw new GrpcRefusal('INVALID_ARGUMENT', 'The update_mask in the request must be set and must contain at least one path.');
  }
  const result = { ...current } as Record<string, unknown>;
  for (const path of paths) {
    const field = path.split('.')[0]!.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (!mutable.includes(field)) {
      throw new GrpcRefusal(
        'INVALID_ARGUMENT',
        `Invalid update_mask provided in the request: the "${path}" field is not mutable or does not exist.`,
      );
    }
    const value = (update as Record<string, unknown>)[field];
    if (value === undefined || value === null) {
      delete result[field];
    } else {
      result[field] = value;
    }
  }
  return result as T;
}
