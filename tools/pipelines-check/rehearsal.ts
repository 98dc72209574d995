/**
 * A step on empty tables of a scratch dataset: nothing that it asks is run but dry-run, only the tables that it makes are made. What it
 * would say of columns and SQL when it runs, it says now.
 */
import { randomUUID } from 'node:crypto';
import { resolveDeep, SQL_KEYS, type StepSpec, type Template, type Variables } from '@convergence/pipelines';
import type { Warehouse } from '@convergence/ports';
import type { StepContext, StepOutcome } from '@convergence/steps';

/** Tables are made without rows, or taken away again. */
const ABOUT_TABLES = /^(CREATE TABLE IF NOT EXISTS|DROP TABLE)\b/;

const dryRunning = (warehouse: Warehouse): Warehouse => ({
  ...warehouse,
  async run(statement) {
    if (ABOUT_TABLES.test(statement.sql)) return warehouse.run(statement);
    const { bytesProcessed, schema } = await warehouse.dryRun(statement);
    // As counts and sums over no rows are.
    const row = Object.fromEntries(schema.map(({ name, type }) => [name, type === 'INT64' ? 0 : null]));
    return { rows: [row], affectedRows: undefined, bytesProcessed, jobId: undefined };
  },
});

export function rehearsal(
  warehouse: Warehouse,
  dataset: string,
  template: Template,
  step: StepSpec,
  variables: Variables,
  outcomes: ReadonlyMap<string, StepOutcome>,
): StepContext {
  const notNow = () => {
    throw new Error('This is not there in a rehearsal.');
  };
  return {
    run: {
      // A staging table of its own, also when the one before it broke off.
      run_id: randomUUID(),
      tenant_id: dataset,
      pipeline_id: String(variables.pipeline_id),
      ...template.ref,
      parameters: {},
      parameters_hash: '0'.repeat(64),
      run_date: null,
      trigger_type: 'api',
      trigger_by: null,
      user_id: null,
      lane: 'live',
      scheduled_run_id: null,
      retry_of: null,
      retry_from: null,
    },
    tenant: { tenant_id: dataset, company_name: '', admin_email: '', dataset, plan: 'SCALE', provider_configs: [] },
    template,
    step,
    config: resolveDeep(step.with, variables, (key) => SQL_KEYS.has(key)),
    variables,
    attempt: 1,
    clock: { now: Date.now, sleep: async () => undefined },
    signal: new AbortController().signal,
    log: { info: () => undefined, warn: () => undefined },
    warehouse: dryRunning(warehouse),
    location: 'US',
    warehouseOf: notNow,
    credential: notNow,
    openSealed: notNow,
    objectStore: notNow,
    mayBeDone: false,
    provenLately: (_, prove) => prove(),
    outcomeOf: (id) => outcomes.get(id),
    messenger: { send: notNow },
    failure: null,
    crashPoint: () => undefined,
    fetch: notNow,
  };
}
