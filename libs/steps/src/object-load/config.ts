import Type, { type Static } from 'typebox';
import { closed, Target } from '../fields.ts';

export const ObjectLoadConfig = Type.Object(
  {
    from: Type.String({
      minLength: 1,
      description:
        "s3://bucket/folder, read with the tenant's AWS credential, azure://account/container/folder with its AZURE one, gs://bucket/folder with its GCP one, or file:folder, a folder of the executor (OBJECTS_DIR)",
    }),
    format: Type.Enum(['CSV', 'NEWLINE_DELIMITED_JSON', 'PARQUET'], { description: 'Of all files' }),
    manifest: Type.Optional(
      Type.String({
        description:
          'Object under `from` that lists the files (JSON with `files`, `blobs` or `dataFiles`); default: all files of the prefix',
      }),
    ),
    pattern: Type.Optional(Type.String({ format: 'regex', description: 'Only objects whose name matches' })),
    expect_rows: Type.Optional(Type.Boolean({ description: 'An export without rows is an error (default); false lets it empty the unit' })),
    columns: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'Column -> GoogleSQL type; default: found by the load job' }),
    ),
    ...Target,
  },
  closed,
);
export type ObjectLoadConfig = Static<typeof ObjectLoadConfig>;
