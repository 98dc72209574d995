import Type, { type Static, type TSchema } from 'typebox';
import { defineOperation } from '../operation.ts';
import { nullable, page, pageQuery, TemplatePart, TenantIdField, TimeField } from './fields.ts';

/** Schedules: rows of tenant_pipeline_configs. The tenant's own routes and the admin's across tenants share every shape. */
export const CATCHUP_POLICIES = ['latest', 'all', 'none'] as const;
export const OVERLAP_POLICIES = ['skip', 'queue', 'allow'] as const;
export const DST_POLICIES = ['shift', 'skip'] as const;

const settings = {
  provider: TemplatePart,
  domain: TemplatePart,
  pipeline_template: TemplatePart,
  schedule_cron: Type.String({
    minLength: 9,
    maxLength: 200,
    description: 'Five fields, or six with seconds first; H spreads by schedule.',
    examples: ['0 2 * * *'],
  }),
  timezone: Type.String({ minLength: 1, maxLength: 64, default: 'UTC', description: 'An IANA time zone.', examples: ['America/New_York'] }),
  is_active: Type.Boolean({ default: true }),
  priority: Type.Integer({ minimum: 1, maximum: 10, default: 5, description: '10 goes first; each step is worth a minute of waiting.' }),
  parameters: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]{0,63}$' }), Type.Unknown(), { default: {} }),
  max_retries: Type.Integer({ minimum: 0, maximum: 10, default: 3 }),
  catchup: Type.Enum([...CATCHUP_POLICIES], { default: 'latest', description: 'What to do about fires missed in an outage.' }),
  overlap: Type.Enum([...OVERLAP_POLICIES], { default: 'skip', description: 'What to do when the run before is still live.' }),
  dst: Type.Enum([...DST_POLICIES], {
    default: 'shift',
    description: 'A local time that does not exist: right after the gap, or not at all. One that exists twice fires once.',
  }),
};
const { provider, domain, pipeline_template, schedule_cron, ...optional } = settings;

const closed = { additionalProperties: false } as const;
const optionals = Type.Partial(Type.Object(optional)).properties;
export const ScheduleCreate = Type.Object({ provider, domain, pipeline_template, schedule_cron, ...optionals }, closed);
export type ScheduleCreate = Static<typeof ScheduleCreate>;
/** No defaults here: what is not named stays as it is. */
const changed = <S extends TSchema>(schema: S) => {
  const { default: _, ...rest } = schema as S & { default?: unknown };
  return Type.Optional(rest as unknown as S);
};
export const ScheduleChange = Type.Object(
  {
    schedule_cron: changed(schedule_cron),
    timezone: changed(optional.timezone),
    is_active: changed(optional.is_active),
    priority: changed(optional.priority),
    parameters: changed(optional.parameters),
    max_retries: changed(optional.max_retries),
    catchup: changed(optional.catchup),
    overlap: changed(optional.overlap),
    dst: changed(optional.dst),
  },
  { ...closed, minProperties: 1 },
);
export type ScheduleChange = Static<typeof ScheduleChange>;

export const Schedule = Type.Object({
  config_id: Type.String(),
  tenant_id: Type.String(),
  provider: Type.String(),
  domain: Type.String(),
  pipeline_template: Type.String(),
  pipeline_id: Type.String(),
  schedule_cron: Type.String(),
  timezone: Type.String(),
  is_active: Type.Boolean(),
  priority: Type.Integer(),
  parameters: Type.Record(Type.String(), Type.Unknown()),
  max_retries: Type.Integer(),
  catchup: settings.catchup,
  overlap: settings.overlap,
  dst: settings.dst,
  next_run_time: nullable(TimeField),
  next_runs: Type.Array(TimeField, { maxItems: 5 }),
  last_run_time: nullable(TimeField),
  last_run_status: nullable(Type.String()),
  consecutive_failures: Type.Integer(),
  /** Set when the schedule paused itself after repeated failures. */
  paused_reason: nullable(Type.String()),
  created_at: TimeField,
  updated_at: TimeField,
});
export type Schedule = Static<typeof Schedule>;

const ofTenant = Type.Object({ tenant_id: TenantIdField });
const one = Type.Object({ tenant_id: TenantIdField, config_id: Type.String({ minLength: 1, maxLength: 100 }) });
const filters = {
  ...pageQuery,
  is_active: Type.Optional(Type.Boolean()),
  provider: Type.Optional(TemplatePart),
  domain: Type.Optional(TemplatePart),
};
const mine = '/api/v1/scheduler/customer/{tenant_id}/pipelines';
const common = { owner: 'scheduler-service' } as const;
/** It, its template or its parameters. */
const unfit = ['schedule.invalid', 'template.not_found', 'template.invalid', 'template.parameters_invalid'] as const;

export const schedulesList = defineOperation({
  ...common,
  id: 'schedules.list',
  method: 'GET',
  path: mine,
  summary: "A tenant's schedules, with their next fires",
  auth: 'tenant',
  scope: 'pipelines:read',
  params: ofTenant,
  query: Type.Object(filters, closed),
  response: page(Schedule),
  errors: ['tenant.not_found'],
});
export const schedulesCreate = defineOperation({
  ...common,
  id: 'schedules.create',
  method: 'POST',
  path: mine,
  summary: 'Schedule a pipeline',
  auth: 'tenant',
  scope: 'pipelines:write',
  params: ofTenant,
  body: ScheduleCreate,
  response: Schedule,
  errors: [...unfit, 'schedule.limit', 'tenant.not_found'],
});
export const schedulesChange = defineOperation({
  ...common,
  id: 'schedules.change',
  method: 'PATCH',
  path: `${mine}/{config_id}`,
  summary: 'Change a schedule; what is not named stays',
  auth: 'tenant',
  scope: 'pipelines:write',
  params: one,
  body: ScheduleChange,
  response: Schedule,
  errors: ['schedule.not_found', ...unfit],
});
export const schedulesDisable = defineOperation({
  ...common,
  id: 'schedules.disable',
  method: 'DELETE',
  path: `${mine}/{config_id}`,
  summary: 'Disable a schedule; its row and history stay',
  auth: 'tenant',
  scope: 'pipelines:write',
  params: one,
  response: Schedule,
  errors: ['schedule.not_found'],
});

const all = '/api/v1/scheduler/pipeline-configs';
export const pipelineConfigsList = defineOperation({
  ...common,
  id: 'pipeline-configs.list',
  method: 'GET',
  path: all,
  summary: 'Schedules of all tenants',
  auth: 'admin',
  query: Type.Object({ ...filters, tenant_id: Type.Optional(TenantIdField) }, closed),
  response: page(Schedule),
  errors: [],
});
export const pipelineConfigsCreate = defineOperation({
  ...common,
  id: 'pipeline-configs.create',
  method: 'POST',
  path: all,
  summary: 'Schedule a pipeline of any tenant',
  auth: 'admin',
  body: Type.Object({ tenant_id: TenantIdField, ...ScheduleCreate.properties }, closed),
  response: Schedule,
  errors: [...unfit, 'schedule.limit', 'tenant.not_found'],
});
export const pipelineConfigsDisable = defineOperation({
  ...common,
  id: 'pipeline-configs.disable',
  method: 'DELETE',
  path: `${all}/{config_id}`,
  summary: 'Disable a schedule of any tenant',
  auth: 'admin',
  params: Type.Object({ config_id: Type.String({ minLength: 1, maxLength: 100 }) }),
  response: Schedule,
  errors: ['schedule.not_found'],
});
