import Type, { type Static } from 'typebox';
import { defineOperation } from '../operation.ts';
import { nullable, page, pageQuery, TemplatePart, TenantIdField } from './fields.ts';

/** What can be run. A tenant sees its own version of a template where it has one. */
const closed = { additionalProperties: false } as const;

export const TemplateParameter = Type.Object({
  name: Type.String(),
  type: Type.String(),
  required: Type.Boolean(),
  default: Type.Unknown(),
  description: nullable(Type.String()),
  from: nullable(Type.String()),
  enum: nullable(Type.Array(Type.Unknown())),
});
export const TemplateSummary = Type.Object({
  provider: Type.String(),
  domain: Type.String(),
  name: Type.String(),
  aliases: Type.Array(Type.String()),
  description: Type.String(),
  version: Type.Integer(),
  hash: Type.String(),
  /** True when it is the tenant's own. */
  own: Type.Boolean(),
  parameters: Type.Array(TemplateParameter),
  credentials: Type.Record(Type.String(), Type.String()),
});
export type TemplateSummary = Static<typeof TemplateSummary>;
export const TemplateDetail = Type.Object({
  ...TemplateSummary.properties,
  timeout_minutes: Type.Number(),
  steps: Type.Array(
    Type.Object({
      id: Type.String(),
      type: Type.String(),
      description: nullable(Type.String()),
      depends_on: Type.Array(Type.String()),
      when: Type.String(),
      on_failure: Type.String(),
      enabled: Type.Unknown(),
      timeout_minutes: nullable(Type.Number()),
      max_attempts: Type.Integer(),
    }),
  ),
});
export type TemplateDetail = Static<typeof TemplateDetail>;

const ofTenant = { tenant_id: Type.Optional(TenantIdField) };
const common = { owner: 'executor-service', auth: 'tenant', scope: 'pipelines:read' } as const;

export const templatesList = defineOperation({
  ...common,
  id: 'templates.list',
  method: 'GET',
  path: '/api/v1/pipelines/templates',
  summary: 'What can be run',
  query: Type.Object({ ...pageQuery, ...ofTenant, provider: Type.Optional(TemplatePart), domain: Type.Optional(TemplatePart) }, closed),
  response: page(TemplateSummary),
  errors: [],
});
export const templatesGet = defineOperation({
  ...common,
  id: 'templates.get',
  method: 'GET',
  path: '/api/v1/pipelines/templates/{provider}/{domain}/{name}',
  summary: 'One template with its parameters and its graph of steps',
  params: Type.Object({ provider: TemplatePart, domain: TemplatePart, name: TemplatePart }),
  query: Type.Object(ofTenant, closed),
  response: TemplateDetail,
  errors: ['template.not_found'],
});
