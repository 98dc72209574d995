/**
 * The changed rows of a checkpoint as texts for the journal. A warehouse reads a column's values many rows at a time, whichever it wants
 * of them: texts of a few hundred kilobytes made a read of any of them one of all. So a text ends at 16 KB.
 */
import type { CheckpointRow } from '@convergence/ports';

export interface RedoChunk {
  readonly table: string;
  readonly rows: readonly CheckpointRow[];
}
export const REDO = 'redo';
const CHUNK_LENGTH = 16 * 1024;

export function redoChunks(table: string, rows: readonly CheckpointRow[]): string[] {
  const chunks: string[] = [];
  let texts: string[] = [];
  let length = 0;
  const end = () => {
    chunks.push(`{"table":${JSON.stringify(table)},"rows":[${texts.join(',')}]}`);
    texts = [];
    length = 0;
  };
  for (const row of rows) {
    const text = JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    if (texts.length > 0 && length + text.length > CHUNK_LENGTH) end();
    texts.push(text);
    length += text.length;
  }
  if (texts.length > 0) end();
  return chunks;
}
