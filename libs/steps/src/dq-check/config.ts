import Type, { type Static } from 'typebox';
import { ColumnName, closed, TableName, Unit } from '../fields.ts';

const severity = Type.Optional(Type.Enum(['error', 'warn'], { description: 'error (default) fails the run' }));
const every = { severity, sample: Type.Optional(Type.Boolean({ description: 'false keeps failing rows out of the result' })) };
const scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);
const bound = Type.Union([Type.Number(), Type.String()]);
const rule = <N extends string, P extends Parameters<typeof Type.Object>[0]>(name: N, properties: P) =>
  Type.Object({ rule: Type.Literal(name), ...properties, ...every }, closed);

export const RULES = [
  rule('not_null', { column: ColumnName }),
  rule('unique', { columns: Type.Array(ColumnName, { minItems: 1 }) }),
  rule('between', { column: ColumnName, min: Type.Optional(bound), max: Type.Optional(bound) }),
  rule('in_set', { column: ColumnName, values: Type.Array(scalar, { minItems: 1 }) }),
  rule('matches_regex', { column: ColumnName, pattern: Type.String({ minLength: 1 }) }),
  rule('row_count', { min: Type.Optional(Type.Integer({ minimum: 0 })), max: Type.Optional(Type.Integer({ minimum: 0 })) }),
  rule('foreign_key', { column: ColumnName, references: Type.Object({ table: TableName, column: ColumnName }, closed) }),
  rule('freshness', { column: ColumnName, max_age_hours: Type.Number({ exclusiveMinimum: 0 }) }),
  rule('matches_control_total', {
    of: Type.String({ description: 'The step whose source totals count' }),
    column: ColumnName,
    source_column: Type.Optional(ColumnName),
    tolerance: Type.Optional(Type.Union([Type.Number({ minimum: 0 }), Type.String()])),
  }),
  rule('no_schema_drift', { columns: Type.Optional(Type.Record(Type.String(), Type.String())) }),
  rule('anomaly', {
    metric: Type.Optional(Type.Enum(['rows', 'sum'])),
    column: Type.Optional(ColumnName),
    window_days: Type.Optional(Type.Integer({ minimum: 3, maximum: 365 })),
    max_deviations: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  }),
  rule('sql', { predicate: Type.String({ minLength: 1, description: 'True for a good row' }), name: Type.Optional(Type.String()) }),
  rule('focus', {
    version: Type.Optional(Type.Enum(['1.2'])),
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
  properties: { rule: { enum: RULES.map((r) => r.properties.rule.const) } },
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
    rules: Type.Array(Type.Unsafe<Rule>(byName), { minItems: 1 }),
  },
  closed,
);
export type DqCheckConfig = Static<typeof DqCheckConfig>;
