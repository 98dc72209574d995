/**
 * What of a template does not have the shape that the schema wants, and the template as it was meant, so that the rest can be looked at.
 *
 * 1. A wrong name with a near valid one is said, taken for that one, and what it had hidden is looked at next: a step of an unknown
 * type is checked as the type that was meant. 2. What can not be mended is said and left out. 3. Nothing is said twice, nor what only
 * follows from a mistake that was said.
 */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { nearest } from './nearest.ts';

export type Path = readonly (string | number)[];
export interface Mistake {
  readonly path: Path;
  readonly message: string;
  readonly suggestion?: string | undefined;
  readonly error: ErrorObject;
}
type Value = Record<string | number, unknown>;
/** A mended name may uncover another wrong one below it; templates are not deeper. */
const ROUNDS = 10;

/** The mistakes with their places in the file, and the value without them. */
export function shapeOf(given: unknown, validate: ValidateFunction): { mistakes: readonly Mistake[]; value: unknown } {
  const value = structuredClone(given);
  const mistakes: Mistake[] = [];
  const said = new Set<string>();
  const leftOut = new Set<string>();
  /** Path in the mended value -> the key as the file has it. */
  const written = new Map<string, string>();
  const inFile = (path: Path): Path => path.map((part, i) => written.get(JSON.stringify(path.slice(0, i + 1))) ?? part);
  for (let round = 0; round < ROUNDS && !validate(value); round++) {
    const found = meant(validate.errors ?? []).map((error) => mistakeOf(error, value));
    const mendable = found.filter(({ suggestion }) => suggestion !== undefined);
    const now = mendable.length > 0 ? mendable : found;
    for (const mistake of now) {
      if (follows(mistake, leftOut)) continue;
      const path = inFile(mistake.path);
      const key = `${JSON.stringify(path)}${mistake.message}`;
      if (said.has(key)) continue;
      said.add(key);
      mistakes.push({ ...mistake, path });
    }
    for (const mistake of now) {
      if (mistake.suggestion !== undefined) mend(value, mistake, mistake.suggestion, written);
      else if (!OF_THE_WHOLE.has(mistake.error.keyword)) leaveOut(value, mistake, leftOut);
    }
  }
  return { mistakes, value };
}

const parentOf = (value: unknown, path: Path): Value | undefined => {
  const parent = path.slice(0, -1).reduce<unknown>((at, part) => Object(at)[part], value);
  return Object(parent) === parent ? (parent as Value) : undefined;
};

function mend(value: unknown, { path, error }: Mistake, suggestion: string, written: Map<string, string>): void {
  const parent = parentOf(value, path);
  const last = path[path.length - 1];
  if (!parent || last === undefined) return;
  if (error.keyword !== 'additionalProperties') {
    parent[last] = suggestion;
    return;
  }
  if (!(suggestion in parent)) {
    parent[suggestion] = parent[last];
    written.set(JSON.stringify([...path.slice(0, -1), suggestion]), String(last));
  }
  delete parent[last];
}

/** Of these nothing in particular is wrong that could be left out. */
const OF_THE_WHOLE: ReadonlySet<string> = new Set(['required', 'oneOf', 'minItems', 'maxItems', 'uniqueItems']);

/** Items of lists stay, so that places do: an empty object says the least. */
function leaveOut(value: unknown, { path }: Mistake, leftOut: Set<string>): void {
  const parent = parentOf(value, path);
  const last = path[path.length - 1];
  if (!parent || last === undefined) return;
  leftOut.add(JSON.stringify(path));
  if (Array.isArray(parent) || path[path.length - 2] === 'parameters') parent[last] = {};
  else delete parent[last];
}

/** It lacks what was left out. */
const follows = ({ path, error }: Mistake, leftOut: ReadonlySet<string>): boolean =>
  leftOut.has(JSON.stringify(path)) ||
  (error.keyword === 'required' && leftOut.has(JSON.stringify([...path, error.params.missingProperty])));

/** Of a union that does not fit, only the errors of the branch that fits best: that one was meant. */
function meant(errors: readonly ErrorObject[]): ErrorObject[] {
  const exclusive = errors.filter((error) => error.keyword === 'oneOf').map((error) => `${error.schemaPath}/`);
  let left = errors.filter((error) => error.keyword !== 'if' && !exclusive.some((path) => error.schemaPath.startsWith(path)));
  for (const union of errors.filter((error) => error.keyword === 'anyOf')) {
    const inside = left.filter((error) => error.schemaPath.startsWith(`${union.schemaPath}/`));
    const branches = Map.groupBy(inside, (error) => error.schemaPath.slice(union.schemaPath.length + 1).split('/')[0]);
    const best = [...branches.values()].sort((a, b) => a.length - b.length)[0] ?? [];
    left = left.filter((error) => error !== union && (!inside.includes(error) || best.includes(error)));
  }
  return left;
}

/** One sentence for what ajv found. */
function mistakeOf(error: ErrorObject, value: unknown): Mistake {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const where = placeOf(path, value);
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params.additionalProperty);
    const valid = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
    const message = `unknown key "${key}" in ${where}`;
    if (configOf(error)?.includes(key)) return { path: [...path, key], message: `${message}: it belongs under its "with"`, error };
    return { path: [...path, key], message, suggestion: nearest(key, valid)[0], error };
  }
  if (error.keyword === 'enum') {
    const allowed = (error.params.allowedValues as unknown[]).map(String);
    const message = `${where} is ${JSON.stringify(error.data)}, not one of ${allowed.join(', ')}`;
    return { path, message, suggestion: nearest(String(error.data), allowed)[0], error };
  }
  if (error.keyword === 'type' && typeof error.params.type === 'string') {
    const message = `${where} is ${kindOf(error.data)}, but must be ${KINDS[error.params.type] ?? error.params.type}`;
    return { path, message, error };
  }
  if (error.keyword === 'oneOf') return { path, message: `${where} needs exactly one of its alternatives (sql or sql_file)`, error };
  if (error.keyword === 'pattern' && typeof error.data === 'string') {
    const name = error.data.trim().toLowerCase().replaceAll(/\W+/g, '_');
    if (new RegExp(error.params.pattern).test(name)) {
      const message = `${where} is "${error.data}", but takes only lower-case letters, digits and _, a letter first`;
      return { path, message, suggestion: name, error };
    }
  }
  if (error.keyword === 'required') return { path, message: `${where} lacks "${error.params.missingProperty}"`, error };
  return { path, message: `${where} ${error.message ?? error.keyword}`, error };
}

/** A step goes by its id, as in `{steps.extract.rows}`. */
function placeOf(path: Path, value: unknown): string {
  const [first, at, ...rest] = path;
  const id = first === 'steps' && at !== undefined ? Object(Object(Object(value).steps)[at]).id : undefined;
  return [first, typeof id === 'string' ? id : at, ...rest].filter((part) => part !== undefined).join('.') || 'the template';
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'keys with values',
  array: 'a list',
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};
function kindOf(data: unknown): string {
  if (data === null || data === undefined) return 'empty';
  if (Array.isArray(data)) return 'a list';
  return typeof data === 'object' ? 'keys with values' : `the ${typeof data === 'string' ? 'text ' : ''}${JSON.stringify(data)}`;
}

interface StepSchema {
  readonly allOf?: readonly {
    readonly if?: { readonly properties?: { readonly type?: { readonly const?: string } } };
    readonly then?: { readonly properties?: { readonly with?: { readonly properties?: object } } };
  }[];
}
/** What the type of the step takes, where the error is one of a step. */
function configOf({ parentSchema, data }: ErrorObject): string[] | undefined {
  const type = Object(data).type as unknown;
  const own = (parentSchema as StepSchema | undefined)?.allOf?.find((branch) => branch.if?.properties?.type?.const === type);
  return type === undefined ? undefined : own && Object.keys(own.then?.properties?.with?.properties ?? {});
}
