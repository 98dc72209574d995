import Type, { type Static } from 'typebox';
import { RUN_STATUSES, RunError, TRIGGER_TYPES } from '../events/run.ts';
import { Gate } from '../internal/ticks.ts';
import { defineOperation } from '../operation.ts';
import { DateField, nullable, page, pageQuery, RunIdField, TemplatePart, TenantIdField, TimeField, TriggerBy } from './fields.ts';

/** Runs: rows of x_meta_pipeline_runs, their steps (x_meta_step_logs) and quality results (x_meta_dq_results). */
const closed = { additionalProperties: false } as const;
const Status = Type.Enum([...RUN_STATUSES]);

export const Run = Type.Object({
  pipeline_logging_id: RunIdField,
  pipeline_id: Type.String(),
  tenant_id: Type.String(),
  provider: Type.String(),
  domain: Type.String(),
  template: Type.String(),
  status: Status,
  trigger_type: Type.Enum([...TRIGGER_TYPES]),
  trigger_by: nullable(Type.String()),
  user_id: nullable(Type.String()),
  /** When it was admitted. */
  start_time: TimeField,
  /** When an executor took it up. */
  started_at: nullable(TimeField),
  end_time: nullable(TimeField),
  duration_ms: nullable(Type.Integer()),
  run_date: nullable(DateField),
  parameters: Type.Record(Type.String(), Type.Unknown()),
  template_version: nullable(Type.Integer()),
  template_hash: nullable(Type.String()),
  retry_of: nullable(Type.String()),
  error: nullable(RunError),
});
export type Run = Static<typeof Run>;

export const RunStep = Type.Object({
  step_id: Type.String(),
  step_type: Type.String(),
  status: Type.Enum(['PENDING', 'RUNNING', 'COMPLETE', 'FAILED', 'SKIPPED', 'CANCELLED']),
  attempt: Type.Integer(),
  start_time: nullable(TimeField),
  end_time: nullable(TimeField),
  duration_ms: nullable(Type.Integer()),
  rows_processed: nullable(Type.Integer()),
  error: nullable(RunError),
});
export type RunStep = Static<typeof RunStep>;

export const DqResult = Type.Object({
  /** The run that checked it: of a step that a retry kept, an earlier one. */
  pipeline_logging_id: RunIdField,
  step_id: Type.String(),
  target_table: Type.String(),
  rule: Type.String(),
  column: nullable(Type.String()),
  severity: Type.Enum(['error', 'warn']),
  status: Type.Enum(['passed', 'failed', 'warned']),
  rows_checked: nullable(Type.Integer()),
  rows_failed: nullable(Type.Integer()),
  expected: nullable(Type.String()),
  actual: nullable(Type.String()),
  sample: Type.Unknown(),
});
export type DqResult = Static<typeof DqResult>;

const one = Type.Object({ run_id: RunIdField });
const none = Type.Object({}, closed);
const executor = { owner: 'executor-service', auth: 'tenant' } as const;
const filters = {
  ...pageQuery,
  status: Type.Optional(Status),
  pipeline_id: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  provider: Type.Optional(TemplatePart),
  domain: Type.Optional(TemplatePart),
  trigger_type: Type.Optional(Type.Enum([...TRIGGER_TYPES])),
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Admitted at or after.' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Admitted before.' })),
};

export const RunAccepted = Type.Object({
  pipeline_logging_id: Type.String(),
  pipeline_id: Type.String(),
  tenant_id: Type.String(),
  status: Status,
  message: Type.String(),
});
export type RunAccepted = Static<typeof RunAccepted>;

export const pipelinesRun = defineOperation({
  id: 'pipelines.run',
  method: 'POST',
  path: '/api/v1/pipelines/run/{tenant_id}/{provider}/{domain}/{template}',
  summary: 'Run a pipeline now; the same run that is live already is answered instead',
  owner: 'gateway',
  auth: 'tenant',
  scope: 'pipelines:execute',
  params: Type.Object({ tenant_id: TenantIdField, provider: TemplatePart, domain: TemplatePart, template: TemplatePart }),
  // The template checks them.
  body: Type.Object(
    { trigger_by: Type.Optional(TriggerBy) },
    { additionalProperties: Type.Unknown({ description: 'A parameter of the template; each takes `date`' }), maxProperties: 100 },
  ),
  bodyOptional: true,
  response: RunAccepted,
  rateLimited: true,
  errors: [
    'template.not_found',
    'template.invalid',
    'template.parameters_invalid',
    'tenant.not_found',
    'tenant.suspended',
    'tenant.inactive',
    'subscription.inactive',
    'quota.daily_exceeded',
    'quota.monthly_exceeded',
    'quota.concurrent_exceeded',
    'quota.rate_exceeded',
    'owner.changing',
    'service.unavailable',
  ],
});
export const runsList = defineOperation({
  ...executor,
  id: 'runs.list',
  method: 'GET',
  path: '/api/v1/pipelines/runs',
  summary: 'Runs, newest first',
  scope: 'pipelines:read',
  query: Type.Object({ ...filters, tenant_id: Type.Optional(TenantIdField) }, closed),
  response: page(Run),
  errors: ['request.invalid'],
});
export const tenantRunsList = defineOperation({
  ...executor,
  id: 'tenant-runs.list',
  method: 'GET',
  path: '/api/v1/tenants/{tenant_id}/pipelines',
  summary: "A tenant's runs, newest first",
  scope: 'pipelines:read',
  params: Type.Object({ tenant_id: TenantIdField }),
  query: Type.Object(filters, closed),
  response: page(Run),
  errors: ['request.invalid'],
});
export const RunDetail = Type.Object({
  ...Run.properties,
  /** null: it was not admitted yet. */
  start_time: nullable(TimeField),
  steps: Type.Array(RunStep),
  dq: Type.Array(DqResult),
  /** The runs that it is a retry of, the first one first, and itself. */
  attempts: Type.Array(Type.String()),
  /** Only of a run that waits in the scheduler's queue: its gates that are closed. `why` has all. */
  waits_for: Type.Optional(Type.Array(Gate)),
});
export type RunDetail = Static<typeof RunDetail>;

export const runsGet = defineOperation({
  ...executor,
  id: 'runs.get',
  method: 'GET',
  path: '/api/v1/pipelines/runs/{run_id}',
  summary: 'One run with its steps, data quality and what went wrong',
  scope: 'pipelines:read',
  params: one,
  query: none,
  response: RunDetail,
  errors: ['run.not_found'],
});
export const runsSteps = defineOperation({
  ...executor,
  id: 'runs.steps',
  method: 'GET',
  path: '/api/v1/pipelines/runs/{run_id}/steps',
  summary: 'The steps of a run',
  scope: 'pipelines:read',
  params: one,
  query: none,
  response: page(RunStep),
  errors: ['run.not_found'],
});
export const runsDq = defineOperation({
  ...executor,
  id: 'runs.dq',
  method: 'GET',
  path: '/api/v1/pipelines/runs/{run_id}/dq',
  summary: 'What the data quality rules of a run found',
  scope: 'pipelines:read',
  params: one,
  query: none,
  response: page(DqResult),
  errors: ['run.not_found'],
});
export const runsEvents = defineOperation({
  ...executor,
  id: 'runs.events',
  method: 'GET',
  path: '/api/v1/pipelines/runs/{run_id}/events',
  summary: 'A run as it happens: server-sent events; Last-Event-ID takes up where a connection broke',
  scope: 'pipelines:read',
  params: one,
  query: none,
  response: Type.Unknown(),
  responseType: 'text/event-stream',
  errors: ['run.not_found'],
});
export const runsWhy = defineOperation({
  id: 'runs.why',
  method: 'GET',
  path: '/api/v1/pipelines/runs/{run_id}/why',
  summary: 'Every gate between a run and its start',
  owner: 'gateway',
  auth: 'tenant',
  scope: 'pipelines:read',
  params: one,
  query: none,
  response: Type.Object({
    pipeline_logging_id: Type.String(),
    tenant_id: Type.String(),
    status: nullable(Type.String()),
    gates: Type.Array(Gate),
    /** Services that did not answer: their gates are missing. */
    unavailable: Type.Array(Type.String()),
  }),
  errors: ['run.not_found', 'service.unavailable'],
});
export const runsCancel = defineOperation({
  ...executor,
  id: 'runs.cancel',
  method: 'POST',
  path: '/api/v1/pipelines/runs/{run_id}/cancel',
  summary: 'Stop a run; a query job of it that is running is cancelled too',
  scope: 'pipelines:execute',
  params: one,
  body: Type.Object({ reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })) }, closed),
  bodyOptional: true,
  response: RunAccepted,
  successStatus: 202,
  errors: ['run.not_found', 'run.not_cancellable'],
});
export const runsRetry = defineOperation({
  ...executor,
  id: 'runs.retry',
  method: 'POST',
  path: '/api/v1/pipelines/runs/{run_id}/retry',
  summary: 'Run it again, from the step that failed or from the start',
  scope: 'pipelines:execute',
  params: one,
  body: Type.Object({ from: Type.Optional(Type.Enum(['failed', 'start'], { default: 'failed' })) }, closed),
  bodyOptional: true,
  response: RunAccepted,
  rateLimited: true,
  errors: [
    'run.not_found',
    'run.not_retryable',
    'template.not_found',
    'quota.daily_exceeded',
    'quota.monthly_exceeded',
    'quota.concurrent_exceeded',
    'tenant.suspended',
    'tenant.inactive',
    'subscription.inactive',
    'owner.changing',
  ],
});
