/**
 * The log of steps in each tenant's dataset: how steps ended, and what a redelivered run need not do again.
 *
 * 1. `ended` resolves when the row is durable. 2. A row that was written twice has one id: readers count it once.
 */
import { createHash } from 'node:crypto';
import type { Row, Warehouse } from '@convergence/ports';
import { type ControlTotals, type ErrorClass, StepFailure, type StepOutcome } from '@convergence/steps';

export interface StepLogRow {
  readonly pipeline_logging_id: string;
  readonly pipeline_id: string;
  readonly tenant_id: string;
  readonly user_id: string | null;
  readonly step_name: string;
  readonly step_type: string;
  readonly status: 'COMPLETE' | 'FAILED' | 'SKIPPED' | 'CANCELLED';
  readonly start_time: string;
  readonly end_time: string;
  readonly rows_processed: number | null;
  readonly error_message: string | null;
  readonly error_code: string | null;
  readonly error_class: string | null;
  readonly error_hint: string | null;
  readonly retryable: boolean | null;
  readonly retry_count: number;
  readonly outputs: StepOutcome['outputs'] | null;
  readonly control_totals: ControlTotals | null;
  readonly executor: string;
  readonly trace_id: string | null;
}

export interface CompletedStep {
  readonly outcome: StepOutcome;
  readonly started: string;
  readonly ended: string;
  readonly attempts: number;
}

export interface LoggedSteps {
  readonly completed: ReadonlyMap<string, CompletedStep>;
  /** In the order in which they failed. */
  readonly failed: ReadonlyMap<string, StepFailure>;
  /** Those that the end of the run's time cut off. */
  readonly outOfTime: readonly string[];
}

export class StepLog {
  readonly #warehouse: Warehouse;

  constructor(warehouse: Warehouse) {
    this.#warehouse = warehouse;
  }

  ended(dataset: string, row: StepLogRow): Promise<void> {
    const { outputs, control_totals, ...plain } = row;
    const written = {
      step_log_id: createHash('sha256')
        .update(`${row.pipeline_logging_id}/${row.step_name}/${row.status}/${row.retry_count}`)
        .digest('hex')
        .slice(0, 32),
      ...plain,
      duration_ms: Date.parse(row.end_time) - Date.parse(row.start_time),
      outputs: outputs && JSON.stringify(outputs),
      control_totals: control_totals && JSON.stringify(control_totals),
    };
    return this.#warehouse.append(dataset, 'x_meta_step_logs', [written]);
  }

  /** How steps of a run ended. One that completed for one of its workers did so for the run. */
  async of(dataset: string, runId: string, signal: AbortSignal): Promise<LoggedSteps> {
    const { rows } = await this.#warehouse.run({
      sql: `SELECT step_name, status, start_time, end_time, retry_count, rows_processed, TO_JSON_STRING(outputs) AS outputs, TO_JSON_STRING(control_totals) AS control_totals,
  error_class, error_code, error_message, error_hint, retryable
FROM \`x_meta_step_logs\` WHERE pipeline_logging_id = @run_id AND (status IN ('COMPLETE', 'FAILED') OR status = 'CANCELLED' AND error_code = 'run.timeout') ORDER BY end_time`,
      parameters: { run_id: { type: 'STRING', value: runId } },
      defaultDataset: dataset,
      signal,
    });
    const ended = (status: string) => rows.filter((row) => row.status === status);
    const completed = new Map(ended('COMPLETE').map((row) => [String(row.step_name), completedStep(row)]));
    const failed = ended('FAILED').map((row) => [String(row.step_name), failureOf(row)] as const);
    const cut = ended('CANCELLED').map((row) => String(row.step_name));
    const unless = (step: string) => !completed.has(step);
    return { completed, failed: new Map(failed.filter(([step]) => unless(step))), outOfTime: cut.filter(unless) };
  }
}

function completedStep(row: Row): CompletedStep {
  const totals = JSON.parse(String(row.control_totals ?? 'null')) as ControlTotals | null;
  const outcome: StepOutcome = {
    rows: row.rows_processed === null ? null : Number(row.rows_processed),
    outputs: (JSON.parse(String(row.outputs ?? 'null')) as StepOutcome['outputs'] | null) ?? {},
    ...(totals && { totals }),
  };
  const time = (value: unknown) => new Date(String(value)).toISOString();
  return { outcome, started: time(row.start_time), ended: time(row.end_time), attempts: Number(row.retry_count ?? 0) + 1 };
}

function failureOf({ error_class, error_code, error_message, error_hint, retryable }: Row): StepFailure {
  return new StepFailure(String(error_class) as ErrorClass, String(error_code), String(error_message), {
    ...(typeof error_hint === 'string' && { hint: error_hint }),
    transient: retryable === true,
  });
}
