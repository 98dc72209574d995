/** Pieces of configuration that several step types take. */
import Type, { type Static } from 'typebox';

export const closed = { additionalProperties: false } as const;

export const TableName = Type.String({
  title: 'table name',
  pattern: '^[a-z][a-z0-9_]{1,126}$',
  description: "A table of the tenant's dataset",
});
export const ColumnName = Type.String({ title: 'column name', pattern: '^[A-Za-z_][A-Za-z0-9_]{0,299}$' });

const periodColumn = Type.Optional(
  Type.String({ ...ColumnName, description: 'Which says when a row is; default: partition_by of the step that writes the table' }),
);

/** What a step replaces. Exactly one of them; a whole table when none is named. */
export const Unit = Type.Union(
  [
    Type.Object({ day: Type.String({ description: 'YYYY-MM-DD: its rows' }), column: periodColumn }, closed),
    Type.Object({ month: Type.String({ description: 'YYYY-MM, or a day of it: its rows' }), column: periodColumn }, closed),
    Type.Object(
      { keys: Type.Array(ColumnName, { minItems: 1, uniqueItems: true, description: 'Rows with the same values in these columns' }) },
      closed,
    ),
    Type.Object({ table: Type.Literal(true, { description: 'All of it' }) }, closed),
  ],
  { description: 'What the step replaces: { day: "{date}" }, { month: "{month}" }, { keys: [id] } or { table: true } (default)' },
);
export type Unit = Static<typeof Unit>;

/** How a step writes: the target, what of it is replaced, and what may change about its columns. */
export const Target = {
  to: Type.String({ ...TableName, description: "The target: a table of the tenant's dataset, made by the first run" }),
  unit: Type.Optional(Unit),
  partition_by: Type.Optional(Type.String({ ...ColumnName, description: 'A DATE or TIMESTAMP column; default: the column of the unit' })),
  cluster_by: Type.Optional(
    Type.Array(ColumnName, { minItems: 1, maxItems: 4, uniqueItems: true, description: 'When the target is made' }),
  ),
  schema_drift: Type.Optional(
    Type.Enum(['evolve', 'freeze'], {
      description: 'evolve (default): new columns are added; freeze: they are an error. A changed type always is',
    }),
  ),
  control_totals: Type.Optional(
    Type.Array(
      Type.Union([
        ColumnName,
        Type.Object({ name: ColumnName, sum: Type.String({ description: 'An expression over a row, in GoogleSQL' }) }, closed),
      ]),
      {
        description: 'What is summed up of source and result: columns, or named expressions; default: every NUMERIC and BIGNUMERIC column',
      },
    ),
  ),
};
export interface TargetConfig {
  readonly to: string;
  readonly unit?: Unit;
  readonly partition_by?: string;
  readonly cluster_by?: readonly string[];
  readonly schema_drift?: 'evolve' | 'freeze';
  readonly control_totals?: readonly (string | { readonly name: string; readonly sum: string })[];
}
/** What every step that writes a table tells later ones. */
export const TARGET_OUTPUTS = ['rows', 'table'] as const;
