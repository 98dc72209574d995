/**
 * What a JSON Schema takes, as a list for people: every key with its type, limits, default and meaning; an object's own keys below
 * it, and of alternatives each one. Keys that all alternatives share are told once.
 */
import { isDeepStrictEqual } from 'node:util';

export interface Schema {
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  type?: string;
  /** What people call such a value: told instead of its pattern; of an object it is for editors. */
  title?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  allOf?: { if?: Schema; then?: Schema }[];
  items?: Schema;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  format?: string;
  default?: unknown;
  description?: string;
}

export function fields(schema: Schema, indent = ''): string[] {
  if (!schema.properties) return [`${indent}- ${typeText(schema)}`];
  const others = schema.additionalProperties;
  return [
    ...Object.entries(schema.properties).flatMap(([name, property]) => [
      `${indent}- ${keyText(name, property, !!schema.required?.includes(name))}`,
      ...within(property, `${indent}  `),
    ]),
    ...(typeof others === 'object'
      ? [`${indent}- any other name: ${typeText(others)}${others.description ? `. ${others.description}` : ''}`]
      : []),
  ];
}

function keyText(name: string, schema: Schema, required: boolean): string {
  const notes = [typeText(schema)];
  if (!required) notes.push(schema.default === undefined ? 'optional' : `default \`${JSON.stringify(schema.default)}\``);
  return `\`${name}\`: ${notes.join(', ')}${schema.description ? `. ${schema.description}` : ''}`;
}

/** What lies inside of a key's value: the keys of an object, or one line for each alternative. */
function within(schema: Schema, indent: string): string[] {
  const inner = innermost(schema);
  if (inner.properties && !inner.allOf) return fields(inner, indent);
  const all = alternatives(inner);
  if (all.length === 0) return [];
  const shared = sharedKeys(all);
  const also = Object.keys(shared).length > 0 ? [`${indent}- each of them also:`, ...fields({ properties: shared }, `${indent}  `)] : [];
  return [...all.flatMap((one) => alternative(one, shared, indent)), ...also];
}

/** The element of a list, or the value of a map with keys of any name. */
const innermost = (schema: Schema): Schema => {
  const next = schema.type === 'array' ? schema.items : schema.properties ? undefined : Object.values(schema.patternProperties ?? {})[0];
  return next ? innermost(next) : schema;
};

/** The objects that a value may be, where it may be one of several: written as a union, or as if/then by a key that names them. */
const alternatives = (schema: Schema): Schema[] =>
  (schema.anyOf ?? schema.allOf?.map((branch) => branch.then ?? {}) ?? []).filter((one) => one.properties);

function sharedKeys(all: readonly Schema[]): Record<string, Schema> {
  const [first, ...others] = all;
  if (!first || others.length === 0) return {};
  return Object.fromEntries(
    Object.entries(first.properties ?? {}).filter(
      ([name, schema]) => !first.required?.includes(name) && others.every((other) => isDeepStrictEqual(other.properties?.[name], schema)),
    ),
  );
}

function alternative(schema: Schema, shared: Record<string, Schema>, indent: string): string[] {
  const own = Object.entries(schema.properties ?? {}).filter(([name]) => !(name in shared));
  const named = own.filter(([, property]) => property.const !== undefined);
  const rest = own.filter(([, property]) => property.const === undefined);
  const keys = named.length > 0 ? named.map(([name, property]) => `${name}: ${property.const}`) : rest.map(([name]) => name);
  const line = `${indent}- \`{ ${keys.join(', ')}${named.length > 0 && rest.length > 0 ? ', ...' : ''} }\`${schema.description ? `: ${schema.description}` : ''}`;
  return [line, ...fields({ properties: Object.fromEntries(rest), ...(schema.required && { required: schema.required }) }, `${indent}  `)];
}

function typeText(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(' or ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeText))].join(' or ');
  if (schema.title && schema.type !== 'object') return schema.title;
  if (schema.type === 'array') return `list of ${schema.items ? typeText(schema.items) : 'anything'}`;
  const map = schema.properties ? undefined : Object.values(schema.patternProperties ?? {})[0];
  if (map) return `map of names to ${typeText(map)}`;
  const limits = [
    ...(schema.exclusiveMinimum !== undefined ? [`above ${schema.exclusiveMinimum}`] : []),
    ...(schema.minimum !== undefined ? [`at least ${schema.minimum}`] : []),
    ...(schema.maximum !== undefined ? [`at most ${schema.maximum}`] : []),
    ...(schema.pattern ? [`\`${schema.pattern.replaceAll('|', '\\|')}\``] : []),
    ...(schema.format ? [schema.format] : []),
  ];
  return `${schema.type ?? 'anything'}${limits.length > 0 ? ` (${limits.join(', ')})` : ''}`;
}
