/** Reads of the tables: runs that left the memory, steps and quality results of runs. Tenants are always an argument. */
import type { DqResult, RunSpec, RunStep } from '@convergence/contracts';
import type { Row, SqlParameter, Warehouse } from '@convergence/ports';
import { newRecord, type RunRecord } from '@convergence/runs';
import type { Position } from './run-index.ts';
import type { RunFilter } from './run-view.ts';

const COLUMNS = `pipeline_logging_id, pipeline_id, tenant_id, provider, domain, template, status, trigger_type, trigger_by, user_id, lane, start_time,
  started_at, end_time, run_date, as_of, TO_JSON_STRING(parameters) AS parameters, parameters_hash, template_version, template_hash, scheduled_run_id, retry_of,
  cancel_reason, error_code, error_class, error_message, error_hint, error_step, x_sequence`;
const string = (value: string): SqlParameter => ({ type: 'STRING', value });
const time = (value: string): SqlParameter => ({ type: 'TIMESTAMP', value });

/** Where a list goes on; without an id every run of that moment belongs to the rest. */
export type Before = Pick<Position, 'admitted_at'> & Partial<Pick<Position, 'run_id'>>;

export class RunTable {
  readonly #warehouse: Warehouse;
  readonly #table: string;

  constructor(warehouse: Warehouse, dataset: string) {
    if (!/^\w+$/.test(dataset)) throw new RangeError(`not a dataset: ${dataset}`);
    this.#warehouse = warehouse;
    this.#table = `\`${dataset}\`.\`x_meta_pipeline_runs\``;
  }

  async newest(limit: number): Promise<RunRecord[]> {
    const { rows } = await this.#warehouse.run({
      sql: `SELECT ${COLUMNS} FROM ${this.#table} ORDER BY start_time DESC, pipeline_logging_id DESC LIMIT @limit`,
      parameters: { limit: { type: 'INT64', value: limit } },
    });
    return rows.map(recordOf);
  }

  async list(filter: RunFilter, before: Before | undefined, limit: number, signal: AbortSignal): Promise<RunRecord[]> {
    const parameters: Record<string, SqlParameter> = { limit: { type: 'INT64', value: limit } };
    const where: string[] = [];
    const equal = (column: string, value: string | undefined) => {
      if (value === undefined) return;
      where.push(`${column} = @${column}`);
      parameters[column] = string(value);
    };
    equal('tenant_id', filter.tenantId);
    equal('status', filter.status);
    equal('pipeline_id', filter.pipeline_id?.toLowerCase());
    equal('provider', filter.provider?.toLowerCase());
    equal('domain', filter.domain?.toLowerCase());
    equal('trigger_type', filter.trigger_type);
    if (filter.from !== undefined) {
      where.push('start_time >= @from_time');
      parameters.from_time = time(filter.from);
    }
    if (filter.after !== undefined) {
      where.push('start_time > @after_time');
      parameters.after_time = time(filter.after);
    }
    if (filter.to !== undefined) {
      where.push('start_time < @to_time');
      parameters.to_time = time(filter.to);
    }
    if (before) {
      where.push('start_time <= @before_time');
      parameters.before_time = time(before.admitted_at);
    }
    if (before?.run_id !== undefined) {
      // Only where it is needed: to compare the ids of a large table takes as long as all the rest of its list.
      where.push('(start_time < @before_time OR pipeline_logging_id < @before_id)');
      parameters.before_id = string(before.run_id);
    }
    const { rows } = await this.#warehouse.run({
      sql: `SELECT ${COLUMNS} FROM ${this.#table}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''}
ORDER BY start_time DESC, pipeline_logging_id DESC LIMIT @limit`,
      parameters,
      signal,
    });
    return rows.map(recordOf);
  }

  /** Those of these runs that the table has. */
  async these(runs: readonly Position[]): Promise<RunRecord[]> {
    const times = runs.map((run) => Date.parse(run.admitted_at));
    const { rows } = await this.#warehouse.run({
      sql: `SELECT ${COLUMNS} FROM ${this.#table} WHERE start_time BETWEEN @from_time AND @to_time AND pipeline_logging_id IN UNNEST(@run_ids)`,
      parameters: {
        from_time: time(new Date(Math.min(...times)).toISOString()),
        to_time: time(new Date(Math.max(...times)).toISOString()),
        run_ids: { type: 'ARRAY<STRING>', value: runs.map((run) => run.run_id) },
      },
    });
    return rows.map(recordOf);
  }

  async get(runId: string): Promise<RunRecord | undefined> {
    const { rows } = await this.#warehouse.run({
      sql: `SELECT ${COLUMNS} FROM ${this.#table} WHERE pipeline_logging_id = @run_id LIMIT 1`,
      parameters: { run_id: string(runId) },
    });
    return rows[0] && recordOf(rows[0]);
  }

  /** The retries of its pipeline until then, each with the run that it repeats. */
  async retried({ tenant_id, pipeline_id, admitted_at }: RunRecord): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#warehouse.run({
      sql: `SELECT pipeline_logging_id, retry_of FROM ${this.#table}
WHERE tenant_id = @tenant_id AND pipeline_id = @pipeline_id AND start_time <= @until AND retry_of IS NOT NULL`,
      parameters: { tenant_id: string(tenant_id), pipeline_id: string(pipeline_id), until: time(admitted_at) },
    });
    return new Map(rows.map((row) => [String(row.pipeline_logging_id), String(row.retry_of)]));
  }

  async steps(dataset: string, runId: string): Promise<RunStep[]> {
    const { rows } = await this.#warehouse.run({
      sql: `SELECT step_name, step_type, status, start_time, end_time, duration_ms, rows_processed, retry_count, error_code, error_class, error_message, error_hint
FROM \`x_meta_step_logs\` WHERE pipeline_logging_id = @run_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY step_log_id ORDER BY end_time) = 1 ORDER BY start_time, step_name`,
      parameters: { run_id: string(runId) },
      defaultDataset: dataset,
    });
    return rows.map((row) => ({
      step_id: String(row.step_name),
      step_type: text(row.step_type) ?? '',
      status: String(row.status) as RunStep['status'],
      attempt: Number(row.retry_count ?? 0) + 1,
      start_time: moment(row.start_time),
      end_time: moment(row.end_time),
      duration_ms: number(row.duration_ms),
      rows_processed: number(row.rows_processed),
      error: errorOf({ ...row, error_step: row.step_name }),
    }));
  }

  async dq(dataset: string, runIds: readonly string[]): Promise<DqResult[]> {
    const { rows } = await this.#warehouse.run({
      sql: `SELECT pipeline_logging_id, step_name, target_table, rule, \`column\`, severity, status, rows_checked, rows_failed, expected, actual, TO_JSON_STRING(sample) AS sample
FROM \`x_meta_dq_results\` WHERE pipeline_logging_id IN UNNEST(@run_ids) ORDER BY step_name, dq_result_id`,
      parameters: { run_ids: { type: 'ARRAY<STRING>', value: runIds } },
      defaultDataset: dataset,
    });
    return rows.map((row) => ({
      pipeline_logging_id: String(row.pipeline_logging_id),
      step_id: String(row.step_name),
      target_table: String(row.target_table),
      rule: String(row.rule),
      column: text(row.column),
      severity: row.severity === 'warn' ? 'warn' : 'error',
      status: String(row.status) as DqResult['status'],
      rows_checked: number(row.rows_checked),
      rows_failed: number(row.rows_failed),
      expected: text(row.expected),
      actual: text(row.actual),
      sample: JSON.parse(text(row.sample) ?? 'null'),
    }));
  }
}

const text = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));
const number = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));
const MILLISECONDS = '2026-01-01T00:00:00.000Z'.length;
function moment(value: unknown): string | null {
  const given = text(value);
  return given === null || given.length === MILLISECONDS ? given : new Date(given).toISOString();
}

function errorOf(row: Row): RunRecord['error'] {
  if (row.error_code === null || row.error_code === undefined) return null;
  return {
    code: String(row.error_code),
    class: text(row.error_class) ?? 'internal',
    message: text(row.error_message) ?? '',
    hint: text(row.error_hint),
    step: text(row.error_step),
  };
}

function recordOf(row: Row): RunRecord {
  const identity = { run_id: String(row.pipeline_logging_id), tenant_id: String(row.tenant_id), pipeline_id: String(row.pipeline_id) };
  const record = newRecord(identity, moment(row.start_time) ?? '');
  record.status = String(row.status) as RunRecord['status'];
  record.started_at = moment(row.started_at);
  record.ended_at = moment(row.end_time);
  record.error = errorOf(row);
  record.cancel_reason = text(row.cancel_reason);
  record.template_version = number(row.template_version);
  record.template_hash = text(row.template_hash);
  record.sequence = number(row.x_sequence) ?? 0;
  const asOf = moment(row.as_of);
  if (row.provider !== null && row.provider !== undefined) {
    record.spec = {
      ...identity,
      provider: String(row.provider),
      domain: String(row.domain),
      template: String(row.template),
      parameters: JSON.parse(text(row.parameters) ?? '{}') ?? {},
      parameters_hash: text(row.parameters_hash) ?? '',
      run_date: text(row.run_date),
      ...(asOf !== null && { as_of: asOf }),
      trigger_type: String(row.trigger_type) as RunSpec['trigger_type'],
      trigger_by: text(row.trigger_by),
      user_id: text(row.user_id),
      lane: row.lane === 'backfill' ? 'backfill' : 'live',
      scheduled_run_id: text(row.scheduled_run_id),
      retry_of: text(row.retry_of),
      retry_from: null,
    };
  }
  return record;
}
