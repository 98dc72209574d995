import { check } from '@convergence/contracts';
import type { TSchema } from 'typebox';

/** Values from schemas: one that fits, and for each field ones that do not. The schema itself is the judge of both. */
interface Shape {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly required?: readonly string[];
  readonly items?: TSchema;
  readonly anyOf?: readonly TSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minItems?: number;
  readonly minimum?: number;
}
const TEXTS = [
  'acme_corp',
  '00000000-0000-4000-8000-000000000000',
  '2026-01-31T08:00:00Z',
  '2026-01-31',
  'ops@acme.example',
  '0 2 * * *',
  'UTC',
  'GCP',
  'a',
  'A1',
  'https://acme.example',
  '0'.repeat(64),
];
const fits = (schema: TSchema, value: unknown): boolean => check(schema, structuredClone(value)).ok;

export function sample(schema: TSchema): unknown {
  const shape = schema as Shape;
  if (shape.const !== undefined) return shape.const;
  if (shape.enum) return shape.enum[0];
  if (shape.anyOf) return sample(shape.anyOf[0] as TSchema);
  switch (shape.type) {
    case 'object':
      return Object.fromEntries(Object.entries(shape.properties ?? {}).map(([name, property]) => [name, sample(property)]));
    case 'array':
      return Array.from({ length: Math.max(1, shape.minItems ?? 0) }, () => sample(shape.items as TSchema));
    case 'integer':
    case 'number':
      return shape.minimum ?? 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'string': {
      const text = TEXTS.find((candidate) => fits(schema, candidate));
      if (text === undefined) throw new Error(`no sample text fits ${JSON.stringify(schema)}; add one`);
      return text;
    }
    default:
      return { any: 'thing' };
  }
}

const WRONG: readonly unknown[] = [
  null,
  '',
  'x'.repeat(10_000),
  'аcme_corp', // a Cyrillic а
  'acme_corp\u0000',
  'acme_corp\r\nX-Admin-Key: x',
  'ACME',
  "a'; DROP TABLE tenants; --",
  '../../etc/passwd',
  '$(reboot)',
  -1,
  0,
  1.5,
  1e308,
  true,
  [],
  {},
  [{ a: 1 }],
  { __proto__x: 1 },
];

/** Values of every kind that this schema refuses. */
export const wrongValues = (schema: TSchema): unknown[] => WRONG.filter((value) => !fits(schema, value));

const WRONG_TEXTS = [
  '',
  'x'.repeat(2000),
  'ACME\u0000',
  "' OR 1=1",
  '-1',
  '0',
  '1.5',
  '1e308',
  '99999999',
  'NaN',
  'null',
  '[]',
  'TRUE',
  '2026-13-45',
];

/** Query texts that read as nothing this schema takes. */
export const wrongTexts = (schema: TSchema): string[] =>
  WRONG_TEXTS.filter((text) => {
    const { type } = schema as Shape;
    const read = (type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    return !fits(schema, read);
  });

/** Bodies that are wrong in one field (or lack a required one, or have one too many), with that field's path. */
export function wrongBodies(schema: TSchema): { path: string; body: Record<string, unknown> }[] {
  const { properties = {}, required = [] } = schema as Shape;
  const good = sample(schema) as Record<string, unknown>;
  const bodies: { path: string; body: Record<string, unknown> }[] = [];
  for (const [name, property] of Object.entries(properties)) {
    for (const value of wrongValues(property)) bodies.push({ path: `/${name}`, body: { ...good, [name]: value } });
    if (required.includes(name)) {
      const { [name]: _, ...rest } = good;
      bodies.push({ path: `/${name}`, body: rest });
    }
  }
  if ((schema as { additionalProperties?: unknown }).additionalProperties === false) {
    bodies.push({ path: '/no_such_field', body: { ...good, no_such_field: 1 } });
  }
  return bodies;
}
