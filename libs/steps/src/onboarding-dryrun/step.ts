/**
 * Proves that the tenant's dataset takes rows and can be read.
 *
 * 1. The run's row is appended, together with those of other runs of the tenant. 2. A step that may have written before looks first,
 * so a run has one row. 3. Reading is proven at least once a minute, by a run that finds its own row; the others rely on that.
 */
import { StepFailure } from '../failure.ts';
import { tableIn } from '../sql.ts';
import type { StepCode } from '../step.ts';
import type { OnboardingDryrunConfig } from './config.ts';

export const TEST_TABLE = 'x_meta_onboarding_dryrun_test';

export const onboardingDryrun: StepCode = async (context) => {
  const { message = 'Onboarding dryrun successful' } = context.config as OnboardingDryrunConfig;
  const { run, tenant, warehouse, signal } = context;
  const isThere = async (): Promise<boolean> => {
    const { rows } = await warehouse.run({
      sql: `SELECT COUNT(*) AS n FROM ${tableIn(tenant.dataset, TEST_TABLE)} WHERE x_run_id = @run_id`,
      parameters: { run_id: { type: 'STRING', value: run.run_id } },
      defaultDataset: tenant.dataset,
      signal,
    });
    return Number(rows[0]?.n) > 0;
  };
  const done = { rows: 1, outputs: { rows: 1 } };
  if (context.mayBeDone && (await isThere())) return done;
  await context.crashPoint('before_write');
  await warehouse.append(tenant.dataset, TEST_TABLE, [
    { test_timestamp: new Date(context.clock.now()).toISOString(), tenant_id: tenant.tenant_id, message, x_run_id: run.run_id },
  ]);
  await context.crashPoint('written');
  await context.provenLately('dryrun.read', async () => {
    if (!(await isThere()))
      throw new StepFailure('internal', 'dryrun.row_missing', 'The test row was written, but can not be read back.', { transient: true });
  });
  return done;
};
