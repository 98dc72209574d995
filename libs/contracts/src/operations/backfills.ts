import Type, { type Static } from 'typebox';
import { defineOperation } from '../operation.ts';
import { DateField, TemplatePart, TenantIdField, TriggerBy } from './fields.ts';

/** Many dates, or months, of one pipeline, run in a lane of their own behind live work. */
export const BackfillRequest = Type.Object(
  {
    from: DateField,
    to: Type.String({ format: 'date', description: 'The last date, included.' }),
    max_concurrent: Type.Optional(Type.Integer({ minimum: 1, maximum: 10, default: 1, description: 'Of this backfill, at once.' })),
    parameters: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        default: {},
        description: 'For every run; `date`, or the month, comes from the range.',
      }),
    ),
    trigger_by: Type.Optional(TriggerBy),
  },
  { additionalProperties: false },
);
export type BackfillRequest = Static<typeof BackfillRequest>;

export const BackfillAnswer = Type.Object({
  backfill_id: Type.String(),
  tenant_id: Type.String(),
  pipeline_id: Type.String(),
  max_concurrent: Type.Integer(),
  queued_count: Type.Integer(),
  runs: Type.Array(Type.Object({ run_id: Type.String(), date: DateField })),
  message: Type.String(),
});
export type BackfillAnswer = Static<typeof BackfillAnswer>;

export const pipelinesBackfill = defineOperation({
  id: 'pipelines.backfill',
  method: 'POST',
  path: '/api/v1/pipelines/backfill/{tenant_id}/{provider}/{domain}/{template}',
  summary: 'One run per date from `from` to `to`; per month where the template has a parameter of type month and no date',
  owner: 'scheduler-service',
  auth: 'tenant',
  scope: 'pipelines:execute',
  params: Type.Object({ tenant_id: TenantIdField, provider: TemplatePart, domain: TemplatePart, template: TemplatePart }),
  body: BackfillRequest,
  response: BackfillAnswer,
  rateLimited: true,
  errors: [
    'template.not_found',
    'template.invalid',
    'template.parameters_invalid',
    'tenant.not_found',
    'service.overloaded',
    'owner.changing',
  ],
});
