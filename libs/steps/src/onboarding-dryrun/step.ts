/** Proves that the tenant's dataset can be read and takes rows: looks for the run's row and writes it, in one statement. */
import { StepFailure } from '../failure.ts';
import { tableIn } from '../sql.ts';
import type { StepCode } from '../step.ts';
import type { OnboardingDryrunConfig } from './config.ts';

export const TEST_TABLE = 'x_meta_onboarding_dryrun_test';

export const onboardingDryrun: StepCode = async (context) => {
  const { message = 'Onboarding dryrun successful' } = context.config as OnboardingDryrunConfig;
  const { run, tenant, warehouse, signal } = context;
  const table = tableIn(tenant.dataset, TEST_TABLE);
  const id = { type: 'STRING', value: run.run_id };
  context.crashPoint('before_write');
  // Keyed by the run: a second execution of it finds its row.
  const { affectedRows } = await warehouse.run({
    sql: `MERGE ${table} AS t USING (SELECT @run_id AS x_run_id, @tenant_id AS tenant_id, @message AS message, @at AS test_timestamp) AS s
ON t.x_run_id = s.x_run_id
WHEN NOT MATCHED THEN INSERT (test_timestamp, tenant_id, message, x_run_id) VALUES (s.test_timestamp, s.tenant_id, s.message, s.x_run_id)`,
    parameters: {
      run_id: id,
      tenant_id: { type: 'STRING', value: tenant.tenant_id },
      message: { type: 'STRING', value: message },
      at: { type: 'TIMESTAMP', value: new Date(context.clock.now()).toISOString() },
    },
    defaultDataset: tenant.dataset,
    signal,
  });
  context.crashPoint('written');
  if (affectedRows === 1) return { rows: 1, outputs: { rows: 1 } };
  const { rows } = await warehouse.run({
    sql: `SELECT COUNT(*) AS n FROM ${table} WHERE x_run_id = @run_id AND tenant_id = @tenant_id`,
    parameters: { run_id: id, tenant_id: { type: 'STRING', value: tenant.tenant_id } },
    defaultDataset: tenant.dataset,
    signal,
  });
  if (Number(rows[0]?.n) !== 1)
    throw new StepFailure('internal', 'dryrun.row_missing', `The test row was not written, and ${rows[0]?.n} were there before.`, {
      transient: true,
    });
  return { rows: 1, outputs: { rows: 1 } };
};
