/** Pages of runs, and where the next one begins. A cursor also says how dense the page was: the next one is most likely like it. */
import { Refusal } from '@convergence/contracts';
import type { RunRecord } from '@convergence/runs';
import type { Position } from './run-index.ts';

export interface RunPage {
  readonly items: RunRecord[];
  readonly next_cursor: string | null;
}
export interface Cursor extends Position {
  /** Milliseconds from one run to the next on the page before. */
  readonly spacing?: number | undefined;
}

export function pageOf(records: RunRecord[], limit: number): RunPage {
  const items = records.slice(0, limit);
  return { items, next_cursor: records.length > limit ? writeCursor(items) : null };
}

/** Milliseconds from one of these runs to the next. */
export function spacingOf(items: readonly RunRecord[]): number | undefined {
  const [first, last] = [items[0], items.at(-1)];
  return first && last && Math.ceil((Date.parse(first.admitted_at) - Date.parse(last.admitted_at)) / items.length);
}

function writeCursor(items: readonly RunRecord[]): string | null {
  const last = items.at(-1);
  if (!last) return null;
  return Buffer.from(JSON.stringify([last.admitted_at, last.run_id, spacingOf(items)])).toString('base64url');
}

export function readCursor(cursor: string): Cursor {
  try {
    const [admitted_at, run_id, spacing] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown[];
    const dense = typeof spacing === 'number' && spacing > 0 ? { spacing } : {};
    if (typeof admitted_at === 'string' && typeof run_id === 'string' && !Number.isNaN(Date.parse(admitted_at)))
      return { admitted_at, run_id, ...dense };
  } catch {
    // falls through to the refusal
  }
  throw new Refusal('request.invalid', 'The cursor is not one that this list gave.');
}
