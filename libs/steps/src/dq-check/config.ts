import Type, { type Static } from 'typebox';
import { ColumnName, closed, TableName, Unit } from '../fields.ts';

const severity = Type.Optional(Type.Enum(['error', 'warn'], { description: 'error (default) fails the run, warn is recorded only' }));
const every = { severity, sample: Type.Optional(Type.Boolean({ description: 'false keeps failing rows out of the result' })) };
const scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);
const bound = (description: string) => Type.Optional(Type.Union([Type.Number(), Type.String()], { description }));
const rule = <N extends string, P extends Parameters<typeof Type.Object>[0]>(name: N, description: string, properties: P) =>
  Type.Object({ rule: Type.Literal(name), ...properties, ...every }, { ...closed, description });

export const RULES = [
  rule('not_null', 'No NULL', { column: ColumnName }),
  rule('unique', 'No two rows with the same values', { columns: Type.Array(ColumnName, { minItems: 1, description: 'Taken together' }) }),
  rule('between', 'In the range, ends included; NULL passes', {
    column: ColumnName,
    min: bound('The least; default: any'),
    max: bound('The greatest; default: any'),
  }),
  rule('in_set', 'One of the values; NULL passes', {
    column: ColumnName,
    values: Type.Array(scalar, { minItems: 1, description: 'All that may be' }),
  }),
  rule('matches_regex', 'Contains a match; NULL passes', {
    column: ColumnName,
    pattern: Type.String({ minLength: 1, description: 'RE2; ^ and $ for the whole value' }),
  }),
  rule('row_count', 'As many rows', {
    min: Type.Optional(Type.Integer({ minimum: 0, description: 'Default 0' })),
    max: Type.Optional(Type.Integer({ minimum: 0, description: 'Default: any' })),
  }),
  rule('foreign_key', 'The value is in the other table; NULL passes', {
    column: ColumnName,
    references: Type.Object({ table: TableName, column: ColumnName }, { ...closed, description: 'Where the value must be found' }),
  }),
  rule('freshness', 'The newest value is young enough; a table without rows fails', {
    column: ColumnName,
    max_age_hours: Type.Number({ exclusiveMinimum: 0, description: 'Of the newest value' }),
  }),
  rule('matches_control_total', "The sum is that of the step's source", {
    of: Type.String({ description: 'The step whose source totals count' }),
    column: Type.String({ ...ColumnName, description: '`rows` compares the number of rows' }),
    source_column: Type.Optional(Type.String({ ...ColumnName, description: 'Its name among the source totals; default: the same' })),
    tolerance: Type.Optional(
      Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: '^\\d+(\\.\\d+)?$' })], {
        description: 'Default 0: to the last digit',
      }),
    ),
  }),
  rule('no_schema_drift', 'The same columns with the same types', {
    columns: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'Column -> type; default: as the last run that passed saw them' }),
    ),
  }),
  rule('anomaly', 'The day is like the days before it; needs a `unit` of a `day`, and three days to compare with', {
    metric: Type.Optional(Type.Enum(['rows', 'sum'], { description: 'Default rows' })),
    column: Type.Optional(Type.String({ ...ColumnName, description: 'Of the sum' })),
    window_days: Type.Optional(Type.Integer({ minimum: 3, maximum: 365, description: 'Default 14' })),
    max_deviations: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'Standard deviations from the mean; default 3' })),
  }),
  rule('sql', 'True for every row; NULL fails', {
    predicate: Type.String({ minLength: 1, description: 'A condition over a row, in GoogleSQL' }),
    name: Type.Optional(Type.String({ description: 'What the result is called' })),
  }),
  rule('focus', 'FOCUS 1.2: its columns are there, and each row keeps its rules; one result for each of them', {
    version: Type.Optional(Type.Enum(['1.2'], { description: 'Of FOCUS' })),
    columns: Type.Optional(
      Type.Record(Type.String(), ColumnName, { description: 'FOCUS column -> column of the table, where they differ from snake_case' }),
    ),
  }),
] as const;

const Rule = Type.Union([...RULES]);
export type Rule = Static<typeof Rule>;

/** For editors and the load check: the rule's name decides what else it takes, so that one wrong key gives one message. */
const byName = {
  type: 'object',
  required: ['rule'],
  properties: {
    rule: {
      enum: RULES.map((r) => r.properties.rule.const),
      description: RULES.map((r) => `${r.properties.rule.const}: ${(r as { description?: string }).description}`).join('\n'),
    },
  },
  allOf: RULES.map((r) => ({
    if: { properties: { rule: { const: r.properties.rule.const } }, required: ['rule'] },
    // biome-ignore lint/suspicious/noThenProperty: it is the JSON Schema keyword
    then: r,
  })),
};

export const DqCheckConfig = Type.Object(
  {
    table: TableName,
    unit: Type.Optional(Unit),
    rules: Type.Array(Type.Unsafe<Rule>(byName), { minItems: 1, description: 'All are checked, whatever the others find' }),
  },
  closed,
);
export type DqCheckConfig = Static<typeof DqCheckConfig>;
