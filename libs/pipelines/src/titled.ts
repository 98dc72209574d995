/**
 * Every object of a schema by a name: its key, without the s where it is one of many, and of alternatives what tells it apart. Editors
 * offer an object without one as "object(title of the whole)".
 */
interface Schema {
  readonly type?: string;
  readonly title?: string;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly { readonly if: Schema; readonly then: Schema }[];
}

export function titled(schema: Schema, name: string): Schema {
  const { properties, patternProperties, items, anyOf, allOf } = schema;
  const one = name.replace(/s$/, '');
  return {
    ...(schema.type === 'object' && { title: name }),
    ...schema,
    ...(properties && { properties: each(properties, (key) => key) }),
    ...(patternProperties && { patternProperties: each(patternProperties, () => one) }),
    ...(items && { items: titled(items, one) }),
    ...(anyOf && { anyOf: anyOf.map((part) => titled(part, `${name}: ${apart(part)}`)) }),
    // biome-ignore lint/suspicious/noThenProperty: it is the JSON Schema keyword
    ...(allOf && { allOf: allOf.map((branch) => ({ ...branch, then: titled(branch.then, `${name}: ${apart(branch.if)}`) })) }),
  };
}

const each = (schemas: Readonly<Record<string, Schema>>, name: (key: string) => string): Record<string, Schema> =>
  Object.fromEntries(Object.entries(schemas).map(([key, schema]) => [key, titled(schema, name(key))]));

/** The value that it alone has, or else its first key. */
function apart({ properties = {} }: Schema): string {
  const [key, value] = Object.entries(properties)[0] ?? [];
  return typeof value?.const === 'string' ? value.const : (key ?? '');
}
