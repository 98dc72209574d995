/**
 * The coarse shape of request bodies: which fields are objects and which are lists, wherever they appear. Handlers may
 * then read nested fields without fear; what a field means they check themselves. Pure.
 */
import { ApiError } from '../errors.ts';

const objects = new Set(
  'datasetReference tableReference jobReference routineReference schema configuration load copy extract destinationTable sourceTable defaultDataset timePartitioning rangePartitioning range clustering view labels formatOptions parameterType parameterValue tableConstraints primaryKey rangeElementType dataType returnType structType policy'.split(
    ' ',
  ),
);
const lists = new Set(
  'fields queryParameters rows access sourceUris sourceTables destinationUris arguments schemaUpdateOptions connectionProperties bindings members permissions columns'.split(
    ' ',
  ),
);
/** These lists hold plain values. */
const plain = new Set('sourceUris destinationUris schemaUpdateOptions members permissions columns'.split(' '));
/** Values of the user's own making, checked where they are converted. */
const opaque = new Set(['parameterValue', 'json', 'parameterType']);
const MAX_DEPTH = 60;

const wrong = (path: string, kind: string) => new ApiError('invalid', `Invalid value at '${path}': expected ${kind}.`);

/** Throws on the first field that is of the wrong kind; nulls where an object or a list belongs count as left out. */
export function checkShape(body: Record<string, unknown>, path = '', parent = '', depth = 0): void {
  if (depth > MAX_DEPTH) throw new ApiError('invalid', 'Invalid JSON payload received. The body is nested too deeply.');
  for (const [name, value] of Object.entries(body)) {
    const at = path === '' ? name : `${path}.${name}`;
    const isObject = objects.has(name) || (name === 'query' && parent === 'configuration');
    if (value === null || value === undefined) {
      if (isObject || lists.has(name)) delete body[name];
      continue;
    }
    if (isObject) {
      if (typeof value !== 'object' || Array.isArray(value)) throw wrong(at, 'an object');
      if (!opaque.has(name)) checkShape(value as Record<string, unknown>, at, name, depth + 1);
    } else if (lists.has(name)) {
      if (!Array.isArray(value)) throw wrong(at, 'a list');
      checkList(value, at, name, parent, depth);
    }
  }
}

function checkList(values: readonly unknown[], at: string, name: string, parent: string, depth: number): void {
  const scalars = plain.has(name) || (name === 'fields' && parent === 'clustering');
  for (const [i, item] of values.entries()) {
    const isObject = item !== null && typeof item === 'object' && !Array.isArray(item);
    if (scalars) {
      if (typeof item !== 'string') throw wrong(`${at}[${i}]`, 'a string');
    } else if (!isObject) {
      // A malformed row is an error of that row alone.
      if (name !== 'rows') throw wrong(`${at}[${i}]`, 'an object');
    } else if (name !== 'rows') checkShape(item as Record<string, unknown>, `${at}[${i}]`, name, depth + 1);
  }
}
