import Type, { type Static } from 'typebox';
import { closed, Target } from '../fields.ts';

export const BigQueryQueryConfig = Type.Object(
  {
    sql: Type.Optional(
      Type.String({
        description:
          'GoogleSQL; values only as @parameters, tables as {parameter} of type table; unqualified tables lie in the tenant dataset. This or sql_file',
      }),
    ),
    sql_file: Type.Optional(Type.String({ pattern: '^[a-z][a-z0-9_]*\\.sql$', description: 'A file beside the template. This or sql' })),
    ...Target,
    maximum_gb_billed: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: "Refuse the query above this; never above the plan's cap" }),
    ),
  },
  { ...closed, required: ['to'], oneOf: [{ required: ['sql'] }, { required: ['sql_file'] }] },
);
export type BigQueryQueryConfig = Static<typeof BigQueryQueryConfig>;
