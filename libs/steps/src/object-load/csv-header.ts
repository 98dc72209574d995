/** Columns of a CSV file go by their place, not by their name: a file in another order would load the wrong values without a word. */
import { open } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { StepFailure } from '../failure.ts';
import { brokenFile } from '../refused-file.ts';

const READ_BYTES = 256 * 1024;

export async function mustHaveOrder(name: string, path: string, columns: readonly string[]): Promise<void> {
  const header = headerOf(await beginningOf(name, path));
  const places = new Map(header.map((field, place) => [plain(field), place]));
  for (const [place, column] of columns.entries()) {
    const there = places.get(plain(column));
    if (there === undefined || there === place) continue;
    throw new StepFailure(
      'schema',
      'object.columns_order',
      `${name} has its columns in another order: ${column} is its column ${there + 1}, and column ${place + 1} of the template.`,
      { hint: 'Columns of a CSV file go by their place: name all of them in the template, in the order of the file.' },
    );
  }
}

async function beginningOf(name: string, path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, 0);
    const bytes = buffer.subarray(0, bytesRead);
    const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return (gzipped ? unzipped(name, bytes) : bytes).toString('utf8');
  } finally {
    await file.close();
  }
}

function unzipped(name: string, bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (cause) {
    throw brokenFile(name, 'its gzip is corrupt.', cause);
  }
}

/** The fields of the first line; a quoted one may hold commas and line ends. */
function headerOf(text: string): string[] {
  const [line = ''] = /^\uFEFF?(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(text) ?? [];
  return (
    line
      .replace(/^\uFEFF/, '')
      .match(/(?:"(?:[^"]|"")*"|[^",])+|(?<=,|^)(?=,|$)/g)
      ?.map((field) => field.replace(/^"|"$/g, '').replaceAll('""', '"')) ?? []
  );
}

/** `BilledCost`, `billed_cost` and `Billed Cost` are one name. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');
