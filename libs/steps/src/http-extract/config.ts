import Type, { type Static } from 'typebox';
import { ColumnName, closed, Target } from '../fields.ts';

const Path = Type.String({
  title: 'path',
  pattern: '^[A-Za-z_$][A-Za-z0-9_$-]*(\\.[A-Za-z_$][A-Za-z0-9_$-]*)*$',
  description: 'Dotted path into the response',
});
/** `{credential.api_key}` reads a field of the tenant's credential; it is resolved inside the step only. */
const Secret = Type.String({ title: 'name', pattern: '^[a-z_][a-z0-9_]*$', description: 'Field of the credential' });

export const Auth = Type.Union([
  Type.Object({ type: Type.Literal('none') }, closed),
  Type.Object({ type: Type.Literal('bearer'), token: Secret }, closed),
  Type.Object({ type: Type.Literal('header'), name: Type.String(), value: Secret }, closed),
  Type.Object({ type: Type.Literal('basic'), username: Secret, password: Secret }, closed),
  Type.Object(
    {
      type: Type.Literal('oauth_client_credentials'),
      token_url: Type.String(),
      client_id: Secret,
      client_secret: Secret,
      scope: Type.Optional(Type.String()),
    },
    closed,
  ),
]);

export const Pagination = Type.Union([
  Type.Object({ type: Type.Literal('none') }, closed),
  Type.Object({ type: Type.Literal('cursor'), next: Path, parameter: Type.String(), has_more: Type.Optional(Path) }, closed),
  Type.Object({ type: Type.Literal('token'), next: Path, parameter: Type.String(), has_more: Type.Optional(Path) }, closed),
  Type.Object({ type: Type.Literal('link') }, closed),
  Type.Object(
    {
      type: Type.Literal('offset'),
      parameter: Type.String(),
      limit_parameter: Type.String(),
      limit: Type.Integer({ minimum: 1 }),
      total: Type.Optional(Path),
    },
    closed,
  ),
]);

export const HttpExtractConfig = Type.Object(
  {
    url: Type.String({ minLength: 1, description: 'Of the first page' }),
    method: Type.Optional(Type.Enum(['GET', 'POST'], { description: 'Default GET' })),
    query: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { description: 'Parameters of the address' }),
    ),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    body: Type.Optional(Type.Object({}, { description: 'Sent as JSON' })),
    provider: Type.Optional(
      Type.Enum(['gcp', 'aws', 'azure', 'openai', 'claude'], { description: "Whose credential; default: the template's provider" }),
    ),
    auth: Type.Optional(Auth),
    pagination: Type.Optional(Pagination),
    records: Type.Optional(
      Type.String({ ...Path, description: 'Where the list of records lies in the response; default: it is the response' }),
    ),
    explode: Type.Optional(
      Type.String({ ...Path, description: "A list inside each record: one row per element, with the record's own fields repeated" }),
    ),
    columns: Type.Record(
      Type.String({ pattern: '^[a-z_][a-z0-9_]*$' }),
      Type.Object(
        {
          path: Path,
          type: Type.Enum(['STRING', 'INT64', 'NUMERIC', 'BIGNUMERIC', 'BOOL', 'DATE', 'TIMESTAMP', 'JSON']),
          required: Type.Optional(Type.Boolean()),
          unix: Type.Optional(Type.Boolean({ description: 'Seconds since 1970' })),
        },
        closed,
      ),
      { description: 'Column -> where it lies in a record' },
    ),
    requests_per_second: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 100 })),
    max_pages: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: 'More are an error; default 10000' })),
    expect: Type.Optional(
      Type.Object(
        {
          fields: Type.Optional(Type.Array(Path, { description: 'Must be there in each response: a 200 without them is a failure' })),
          currency: Type.Optional(
            Type.Object(
              { column: ColumnName, in: Type.Array(Type.String(), { minItems: 1 }) },
              { ...closed, description: 'Any other in that column is an error' },
            ),
          ),
          min_rows: Type.Optional(Type.Integer({ minimum: 0, description: 'Fewer records are an error' })),
        },
        closed,
      ),
    ),
    ...Target,
  },
  closed,
);
export type HttpExtractConfig = Static<typeof HttpExtractConfig>;
