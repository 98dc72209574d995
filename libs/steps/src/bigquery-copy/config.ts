import Type, { type Static } from 'typebox';
import { ColumnName, closed, Target } from '../fields.ts';

export const BigQueryCopyConfig = Type.Object(
  {
    from: Type.String({ minLength: 1, description: 'project.dataset.table of the source, usually "{source_table}"' }),
    columns: Type.Optional(Type.Array(ColumnName, { minItems: 1, uniqueItems: true, description: 'Default: all' })),
    filter: Type.Optional(Type.String({ description: 'A condition in GoogleSQL with @parameters' })),
    watermark: Type.Optional(
      Type.String({
        ...ColumnName,
        description: 'A column: the unit is copied only when its MAX or the number of rows moved since the last complete copy',
      }),
    ),
    ...Target,
    location: Type.Optional(Type.String({ description: "Of the source dataset; default: the tenant's" })),
  },
  closed,
);
export type BigQueryCopyConfig = Static<typeof BigQueryCopyConfig>;
