import Type, { type Static } from 'typebox';
import { ColumnName, closed, Target } from '../fields.ts';

const Path = Type.String({
  title: 'path',
  pattern: '^[A-Za-z_$][A-Za-z0-9_$-]*(\\.[A-Za-z_$][A-Za-z0-9_$-]*)*$',
  description: 'Dotted path into the response',
});
/** `{credential.api_key}` reads a field of the tenant's credential; it is resolved inside the step only. */
const Secret = Type.String({ title: 'name', pattern: '^[a-z_][a-z0-9_]*$', description: 'Field of the credential' });

export const Auth = Type.Union(
  [
    Type.Object({ type: Type.Literal('none') }, closed),
    Type.Object({ type: Type.Literal('bearer'), token: Secret }, closed),
    Type.Object({ type: Type.Literal('header'), name: Type.String({ description: 'Of the header' }), value: Secret }, closed),
    Type.Object({ type: Type.Literal('basic'), username: Secret, password: Secret }, closed),
    Type.Object(
      {
        type: Type.Literal('oauth_client_credentials'),
        token_url: Type.String({ description: 'Where the token is asked for' }),
        client_id: Secret,
        client_secret: Secret,
        scope: Type.Optional(Type.String({ description: 'What is asked for with it' })),
      },
      closed,
    ),
  ],
  { description: 'How the source knows who asks; default none' },
);

const parameter = (what: string) => Type.String({ description: `Of the address, that takes ${what}` });
export const Pagination = Type.Union(
  [
    Type.Object({ type: Type.Literal('none') }, closed),
    Type.Object({ type: Type.Literal('cursor'), next: Path, parameter: parameter('next'), has_more: Type.Optional(Path) }, closed),
    Type.Object({ type: Type.Literal('token'), next: Path, parameter: parameter('next'), has_more: Type.Optional(Path) }, closed),
    Type.Object({ type: Type.Literal('link') }, closed),
    Type.Object(
      {
        type: Type.Literal('offset'),
        parameter: parameter('the number of records before the page'),
        limit_parameter: parameter('limit'),
        limit: Type.Integer({ minimum: 1, description: 'Records of a page' }),
        total: Type.Optional(Path),
      },
      closed,
    ),
  ],
  { description: 'How the next page is found; default none' },
);

export const HttpExtractConfig = Type.Object(
  {
    url: Type.String({ minLength: 1, description: 'Of the first page' }),
    method: Type.Optional(Type.Enum(['GET', 'POST'], { description: 'Default GET' })),
    query: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { description: 'Parameters of the address' }),
    ),
    headers: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Sent with every request' })),
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
          type: Type.Enum(['STRING', 'INT64', 'NUMERIC', 'BIGNUMERIC', 'BOOL', 'DATE', 'TIMESTAMP', 'JSON'], {
            description: 'Of the column',
          }),
          required: Type.Optional(Type.Boolean({ description: 'A record without it is an error' })),
          unix: Type.Optional(Type.Boolean({ description: 'Seconds since 1970' })),
        },
        closed,
      ),
      { description: 'Column -> where it lies in a record' },
    ),
    requests_per_second: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 100, description: 'At most; default: as fast as it answers' }),
    ),
    max_pages: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: 'More are an error; default 10000' })),
    expect: Type.Optional(
      Type.Object(
        {
          fields: Type.Optional(Type.Array(Path, { description: 'Must be there in each response: a 200 without them is a failure' })),
          currency: Type.Optional(
            Type.Object(
              { column: ColumnName, in: Type.Array(Type.String(), { minItems: 1, description: 'Codes, as USD' }) },
              { ...closed, description: 'Any other in that column is an error' },
            ),
          ),
          min_rows: Type.Optional(Type.Integer({ minimum: 0, description: 'Fewer records are an error' })),
        },
        { ...closed, description: 'What it must answer to be believed' },
      ),
    ),
    ...Target,
  },
  closed,
);
export type HttpExtractConfig = Static<typeof HttpExtractConfig>;
