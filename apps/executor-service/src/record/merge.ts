import type { SqlValue } from '@convergence/ports';
import type { RunRecord } from '@convergence/runs';

/** The columns of x_meta_pipeline_runs as one statement writes them; `T` is the table's row, `S` what was heard. */
const FIELDS = [
  ['pipeline_logging_id', 'STRING'],
  ['pipeline_id', 'STRING'],
  ['tenant_id', 'STRING'],
  ['provider', 'STRING'],
  ['domain', 'STRING'],
  ['template', 'STRING'],
  ['status', 'STRING'],
  ['trigger_type', 'STRING'],
  ['trigger_by', 'STRING'],
  ['user_id', 'STRING'],
  ['lane', 'STRING'],
  ['start_time', 'TIMESTAMP'],
  ['started_at', 'TIMESTAMP'],
  ['end_time', 'TIMESTAMP'],
  ['run_date', 'DATE'],
  ['as_of', 'TIMESTAMP'],
  ['parameters', 'STRING'],
  ['parameters_hash', 'STRING'],
  ['template_version', 'INT64'],
  ['template_hash', 'STRING'],
  ['scheduled_run_id', 'STRING'],
  ['retry_of', 'STRING'],
  ['cancel_reason', 'STRING'],
  ['error_code', 'STRING'],
  ['error_class', 'STRING'],
  ['error_message', 'STRING'],
  ['error_hint', 'STRING'],
  ['error_step', 'STRING'],
  ['x_sequence', 'INT64'],
] as const;
type Field = (typeof FIELDS)[number][0];

export const ROW_TYPE = `STRUCT<${FIELDS.map(([name, type]) => `${name} ${type}`).join(', ')}>`;

const KEY: ReadonlySet<string> = new Set(['pipeline_logging_id', 'start_time']);
const RANK = (row: string) => `CASE ${row}.status WHEN 'PENDING' THEN 0 WHEN 'RUNNING' THEN 1 ELSE 2 END`;
/** These belong to the end of a run: they come with the status that stands. */
const OF_THE_END: ReadonlySet<string> = new Set([
  'status',
  'end_time',
  'error_code',
  'error_class',
  'error_message',
  'error_hint',
  'error_step',
]);

/** What a run ended in counts; before that, what it started with. */
const OF_THE_TEMPLATE: ReadonlySet<string> = new Set(['template_version', 'template_hash']);

const value = (field: string) => (field === 'parameters' ? 'PARSE_JSON(S.parameters)' : `S.${field}`);
function updated(field: string): string {
  if (OF_THE_END.has(field)) return `IF(${RANK('S')} > ${RANK('T')}, S.${field}, T.${field})`;
  if (OF_THE_TEMPLATE.has(field))
    return `IF(${RANK('S')} > ${RANK('T')} AND ${RANK('S')} = 2 AND S.template_hash IS NOT NULL, S.${field}, COALESCE(T.${field}, S.${field}))`;
  if (field === 'started_at') return 'COALESCE(LEAST(T.started_at, S.started_at), T.started_at, S.started_at)';
  if (field === 'x_sequence') return 'GREATEST(T.x_sequence, S.x_sequence)';
  return `COALESCE(T.${field}, ${value(field)})`;
}
const DURATION = (end: string) => `TIMESTAMP_DIFF(${end}, S.start_time, MILLISECOND)`;

export function mergeSql(dataset: string): string {
  if (!/^\w+$/.test(dataset)) throw new RangeError(`not a dataset: ${dataset}`);
  const set = FIELDS.filter(([name]) => !KEY.has(name)).map(([name]) => `${name} = ${updated(name)}`);
  return `MERGE \`${dataset}\`.\`x_meta_pipeline_runs\` AS T
USING (SELECT * FROM UNNEST(@rows)) AS S
ON T.pipeline_logging_id = S.pipeline_logging_id AND T.start_time BETWEEN @from AND @to
WHEN MATCHED THEN UPDATE SET ${set.join(', ')},
  duration_ms = ${DURATION(updated('end_time'))}, updated_at = @now
WHEN NOT MATCHED THEN INSERT (${FIELDS.map(([name]) => name).join(', ')}, duration_ms, updated_at)
  VALUES (${FIELDS.map(([name]) => value(name)).join(', ')}, ${DURATION('S.end_time')}, @now)`;
}

export function rowOf(record: RunRecord): Record<Field, SqlValue> {
  const { spec, error } = record;
  return {
    pipeline_logging_id: record.run_id,
    pipeline_id: record.pipeline_id,
    tenant_id: record.tenant_id,
    provider: spec?.provider ?? null,
    domain: spec?.domain ?? null,
    template: spec?.template ?? null,
    status: record.status,
    trigger_type: spec?.trigger_type ?? null,
    trigger_by: spec?.trigger_by ?? null,
    user_id: spec?.user_id ?? null,
    lane: spec?.lane ?? null,
    start_time: record.admitted_at,
    started_at: record.started_at,
    end_time: record.ended_at,
    run_date: spec?.run_date ?? null,
    as_of: spec?.as_of ?? null,
    parameters: spec ? JSON.stringify(spec.parameters) : null,
    parameters_hash: spec?.parameters_hash ?? null,
    template_version: record.template_version,
    template_hash: record.template_hash,
    scheduled_run_id: spec?.scheduled_run_id ?? null,
    retry_of: spec?.retry_of ?? null,
    cancel_reason: record.cancel_reason,
    error_code: error?.code ?? null,
    error_class: error?.class ?? null,
    error_message: error?.message ?? null,
    error_hint: error?.hint ?? null,
    error_step: error?.step ?? null,
    x_sequence: record.sequence,
  };
}
