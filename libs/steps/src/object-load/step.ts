/**
 * Objects of an export into a table.
 *
 * 1. With a manifest only the files that it lists count: an overwritten export leaves old ones behind. 2. A listed file that is missing
 * fails the step: part of an export is worse than none; so does one that is listed twice. 3. An export without rows is an error unless
 * the template says otherwise. 4. A CSV file whose columns stand in another order than the template's is an error.
 * 5. A file that can't be loaded is named as its bucket names it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ColumnSpec } from '@convergence/ports';
import { StepFailure } from '../failure.ts';
import { type LoadFile, stageFiles } from '../staged-rows.ts';
import type { StepCode, StepContext } from '../step.ts';
import { inFolder } from '../step-folder.ts';
import { replaceUnit } from '../target.ts';
import type { ObjectLoadConfig } from './config.ts';
import { mustHaveOrder } from './csv-header.ts';
import type { ObjectStore, StoredObject } from './objects.ts';

const MOST_FILES = 10_000;

export const objectLoad: StepCode = async (context) => {
  const config = context.config as ObjectLoadConfig;
  const store = await context.objectStore(config.from);
  return inFolder(async (folder) => {
    const objects = await wanted(context, config, store, folder);
    const files: LoadFile[] = [];
    for (const [i, object] of objects.entries()) {
      const path = join(folder, `object-${i}`);
      await store.fetch(object, path, context.signal);
      const name = `${config.from.replace(/\/$/, '')}/${object.name}`;
      if (config.format === 'CSV' && config.columns) await mustHaveOrder(name, path, Object.keys(config.columns));
      files.push({ name, path, format: config.format, ...(config.format === 'CSV' && { options: { skipLeadingRows: 1 } }) });
    }
    await context.crashPoint('fetched');
    const columns: ColumnSpec[] | undefined =
      config.columns && Object.entries(config.columns).map(([name, type]) => ({ name, type, description: 'As in the export.' }));
    const staged = await stageFiles(context, columns, files);
    const outcome = await mustHaveRows(context, config, () => replaceUnit(context, config, staged), staged.table);
    return { ...outcome, outputs: { ...outcome.outputs, objects: objects.length } };
  });
};

async function wanted(context: StepContext, config: ObjectLoadConfig, store: ObjectStore, folder: string): Promise<StoredObject[]> {
  const pattern = config.pattern === undefined ? undefined : new RegExp(config.pattern);
  const listed = new Map((await store.list(context.signal)).map((object) => [object.name, object]));
  let names = [...listed.keys()].filter((name) => name !== config.manifest);
  if (config.manifest !== undefined) {
    const manifest = listed.get(config.manifest);
    if (!manifest)
      throw new StepFailure('source_not_ready', 'object.manifest_missing', `There is no ${config.manifest}.`, {
        hint: 'The export may not have been delivered yet.',
        transient: true,
      });
    const path = join(folder, 'manifest.json');
    await store.fetch(manifest, path, context.signal);
    names = manifestFiles(await readFile(path, 'utf8'), config.manifest, [...listed.keys()]);
  }
  if (pattern) names = names.filter((name) => pattern.test(name));
  if (names.length > MOST_FILES)
    throw new StepFailure('quota', 'object.too_many', `The export has ${names.length} files; ${MOST_FILES} are allowed.`, {
      hint: 'Load a smaller unit.',
    });
  if (names.length === 0)
    throw new StepFailure('source_not_ready', 'object.none', 'The export has no files.', { hint: 'It may not have been delivered yet.' });
  return names.map((name) => listed.get(name) as StoredObject);
}

/** AWS (`dataFiles`), Azure (`blobs[].blobName`) and a plain list (`files`), by their names below the prefix. */
export function manifestFiles(text: string, manifest: string, listed: readonly string[]): string[] {
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new StepFailure('schema', 'object.manifest_invalid', `${manifest} is not JSON.`, {
      hint: 'The export may be in the middle of a delivery.',
      transient: true,
      cause,
    });
  }
  const entries = [parsed.files, parsed.dataFiles, parsed.blobs].find(Array.isArray) as unknown[] | undefined;
  if (!entries)
    throw new StepFailure('schema', 'object.manifest_invalid', `${manifest} lists no files, dataFiles or blobs.`, {
      hint: 'It is not the manifest of an export.',
    });
  const there = new Set(listed);
  const seen = new Set<string>();
  return entries.map((entry) => {
    const full =
      typeof entry === 'string'
        ? entry
        : String((entry as { blobName?: unknown; name?: unknown }).blobName ?? (entry as { name?: unknown }).name ?? '');
    const found = endsOf(full).find((end) => there.has(end));
    if (found === undefined)
      throw new StepFailure('source_not_ready', 'object.not_found', `${full} is in the manifest but not there.`, {
        hint: 'The export may be in the middle of a delivery; it is tried again by itself.',
        transient: true,
      });
    if (seen.has(found))
      throw new StepFailure(
        'schema',
        'object.manifest_invalid',
        `${manifest} lists ${found} twice, or two files that are not told apart.`,
        {
          hint: 'Its rows would count twice. Let `from` name the folder below which the names of the manifest differ.',
        },
      );
    seen.add(found);
    return found;
  });
}

/** `p/x/a.csv`, `x/a.csv`, `a.csv`: the longest that is there is meant. */
const endsOf = (path: string): string[] => {
  const parts = path.split('/');
  return parts.map((_, i) => parts.slice(i).join('/'));
};

async function mustHaveRows<T>(context: StepContext, config: ObjectLoadConfig, go: () => Promise<T>, staging: string): Promise<T> {
  if (config.expect_rows === false) return go();
  const { rows } = await context.warehouse.run({
    sql: `SELECT COUNT(*) AS n FROM \`${staging}\``,
    defaultDataset: context.tenant.dataset,
    signal: context.signal,
  });
  if (Number(rows[0]?.n ?? 0) === 0)
    throw new StepFailure('source_not_ready', 'object.empty', 'The export has files but no rows.', {
      hint: 'If that is right, set expect_rows: false.',
    });
  return go();
}
