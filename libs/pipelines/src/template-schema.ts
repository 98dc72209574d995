/**
 * The JSON Schema of a template: completion in editors and the check at load are one and the same (configs/pipeline.schema.json).
 * What a step type takes comes from the step types themselves; this file knows only what all of them share.
 */
import Type, { type TSchema } from 'typebox';
import { titled } from './titled.ts';

export interface StepTypeDeclaration {
  readonly type: string;
  readonly description: string;
  /** Schema of `with`. */
  readonly config: TSchema;
  /** What later steps may read as `{steps.<id>.<output>}`. */
  readonly outputs: readonly string[];
}

const closed = { additionalProperties: false } as const;
const name = (description: string) => Type.String({ title: 'name', pattern: '^[a-z][a-z0-9_]{0,62}$', description });
const flag = Type.Union([Type.Boolean(), Type.String({ pattern: '^\\{[a-z_][a-z0-9_]*\\}$' })], {
  description: 'true, false or a boolean parameter: "{name}"',
});

const parameter = Type.Object(
  {
    type: Type.Enum(['date', 'month', 'string', 'integer', 'number', 'boolean', 'table', 'identifier'], {
      description: 'table and identifier name things: in SQL they stand as {name}, values as @name',
    }),
    description: Type.Optional(Type.String({ description: 'For people' })),
    required: Type.Optional(Type.Boolean({ description: 'Refuse a run that does not give it' })),
    default: Type.Optional(
      Type.Union([Type.String(), Type.Number(), Type.Boolean()], {
        description: 'Where a run does not give it: a value, or as "{yesterday}"',
      }),
    ),
    from: Type.Optional(
      Type.String({
        pattern: '^provider_config\\.[a-z][a-z0-9_]*$',
        description: "An option of the tenant's provider configuration, or source_project_id or source_dataset",
      }),
    ),
    enum: Type.Optional(
      Type.Array(Type.Union([Type.String(), Type.Number()]), { minItems: 1, description: 'The values that it may have' }),
    ),
    pattern: Type.Optional(Type.String({ format: 'regex', description: 'What a text must match' })),
    minimum: Type.Optional(Type.Number({ description: 'The least number' })),
    maximum: Type.Optional(Type.Number({ description: 'The greatest number' })),
  },
  closed,
);
const channels = (description: string) =>
  Type.Optional(Type.Array(Type.Enum(['email', 'webhook', 'slack']), { uniqueItems: true, description }));
const need = (provider: string) =>
  Type.Optional(Type.Enum(['required', 'optional'], { description: `Whether it needs the tenant's ${provider} credential` }));

function step(types: readonly StepTypeDeclaration[]): TSchema {
  const shape = Type.Object(
    {
      id: name('Unique in the template'),
      type: Type.Enum(
        types.map((t) => t.type),
        { description: types.map((t) => `${t.type}: ${t.description}`).join('\n') },
      ),
      description: Type.Optional(Type.String({ description: 'For people' })),
      with: Type.Optional(Type.Object({}, { description: 'What the step type takes' })),
      depends_on: Type.Optional(
        Type.Array(Type.String(), { uniqueItems: true, description: 'Default: the step before. []: starts at once' }),
      ),
      when: Type.Optional(
        Type.Enum(['succeeded', 'failed', 'finished'], {
          description: 'How its dependencies must have ended; default succeeded. finished: either way',
        }),
      ),
      on_failure: Type.Optional(
        Type.Enum(['stop', 'continue'], {
          description: 'stop (default) fails the run; continue: later steps go on as if it had succeeded',
        }),
      ),
      enabled: Type.Optional(flag),
      timeout_minutes: Type.Optional(
        Type.Number({ exclusiveMinimum: 0, maximum: 1440, description: 'Of one attempt of the step; default: what is left of the run' }),
      ),
      retry: Type.Optional(
        Type.Object(
          {
            max_attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 10, description: 'Default 3' })),
            backoff_seconds: Type.Optional(Type.Number({ minimum: 0, maximum: 3600, description: 'Before the second attempt; default 5' })),
            multiplier: Type.Optional(Type.Number({ minimum: 1, maximum: 10, description: 'Of the wait, each time; default 2' })),
          },
          { ...closed, description: 'Only a failure that may pass by itself is tried again' },
        ),
      ),
    },
    closed,
  );
  const takes = types.map((t) => ({
    if: { properties: { type: { const: t.type } }, required: ['type'] },
    // biome-ignore lint/suspicious/noThenProperty: it is the JSON Schema keyword
    then: { properties: { with: { ...t.config, description: t.description } }, ...(required(t.config) && { required: ['with'] }) },
  }));
  return { ...shape, allOf: takes } as TSchema;
}
const required = (schema: TSchema): boolean => ((schema as { required?: string[] }).required ?? []).length > 0;

/** Plain JSON: what is written to configs/pipeline.schema.json. */
export function pipelineSchema(types: readonly StepTypeDeclaration[]): Record<string, unknown> {
  const template = Type.Object(
    {
      name: name('The file name without .yml'),
      description: Type.String({ minLength: 1, description: 'For people' }),
      provider: Type.Enum(['gcp', 'aws', 'azure', 'openai', 'claude'], { description: 'The folder that it lies in' }),
      domain: Type.Enum(['cost', 'security', 'compliance', 'observability', 'example'], {
        description: 'The folder within that of the provider',
      }),
      version: Type.Integer({ minimum: 1, description: 'Shown with each run; one more whenever it changes' }),
      aliases: Type.Optional(Type.Array(name('Another name'), { uniqueItems: true, description: 'Other names under which it can be run' })),
      parameters: Type.Optional(
        Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]{0,62}$' }), parameter, {
          description: 'What a run may be given; {name} in texts, @name in SQL',
        }),
      ),
      credentials: Type.Optional(
        Type.Object(
          {
            gcp: need('GCP'),
            aws: need('AWS'),
            azure: need('AZURE'),
            openai: need('OPENAI'),
            claude: need('CLAUDE'),
          },
          { ...closed, description: 'Which of the tenant it needs; shown to who looks at the template' },
        ),
      ),
      timeout_minutes: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1440, description: 'Of the whole run; default 60' })),
      max_parallel_steps: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, description: 'Default 10' })),
      notify: Type.Optional(
        Type.Object(
          { on_failure: channels('Ways by which a failure is told'), on_success: channels('Ways by which a success is told') },
          { ...closed, description: 'Whether people are told how a run ended' },
        ),
      ),
      steps: Type.Array(step(types), {
        minItems: 1,
        maxItems: 200,
        description: 'Each follows the one before, unless depends_on says otherwise',
      }),
    },
    closed,
  );
  const plain = JSON.parse(JSON.stringify(template)) as Record<string, unknown>;
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    'x-outputs': Object.fromEntries(types.map((t) => [t.type, t.outputs])),
    ...titled(plain, 'Convergence pipeline template'),
  };
}
