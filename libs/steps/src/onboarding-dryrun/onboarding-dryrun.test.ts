import { describe, expect, test } from '@jest/globals';
import type { StepContext } from '../step.ts';
import { stepContext } from '../testing/step-context.ts';
import { onboardingDryrun, TEST_TABLE } from './step.ts';

async function given(config: object, more: Partial<StepContext> & { found?: number } = {}) {
  const { found = 1, ...rest } = more;
  const context = stepContext(config, rest);
  await context.warehouse.createDataset('acme_corp', { location: 'US', description: 'x' });
  await context.warehouse.createTable('acme_corp', { name: TEST_TABLE, description: 'x', columns: [] });
  context.warehouse.answer(/^SELECT COUNT/, [{ n: found }]);
  return { context, written: () => context.warehouse.appended.get(`acme_corp.${TEST_TABLE}`) ?? [] };
}

describe('onboarding.dryrun', () => {
  test('writes one row for the run and reads it back', async () => {
    const { context, written } = await given({ message: 'hello' });
    expect(await onboardingDryrun(context)).toEqual({ rows: 1, outputs: { rows: 1 } });
    expect(written()).toMatchObject([{ message: 'hello', x_run_id: context.run.run_id, tenant_id: 'acme_corp' }]);
    expect(context.warehouse.statements).toHaveLength(1);
  });

  test('begun before for the same run it finds its row and writes no other', async () => {
    const { context, written } = await given({}, { mayBeDone: true });
    expect(await onboardingDryrun(context)).toMatchObject({ rows: 1 });
    expect(written()).toEqual([]);
  });

  test('begun before, but not written: writes it', async () => {
    const { context, written } = await given({}, { mayBeDone: true, found: 0, provenLately: async () => undefined });
    await onboardingDryrun(context);
    expect(written()).toHaveLength(1);
  });

  test('reading was proven a moment ago: no statement', async () => {
    const { context } = await given({}, { provenLately: async () => undefined });
    await onboardingDryrun(context);
    expect(context.warehouse.statements).toEqual([]);
  });

  test('a row that can not be read back fails the dry run', async () => {
    const { context } = await given({}, { found: 0 });
    await expect(onboardingDryrun(context)).rejects.toMatchObject({ code: 'dryrun.row_missing' });
  });

  test('a dataset that is gone fails it', async () => {
    const { context } = await given({});
    await context.warehouse.dropDataset('acme_corp');
    await expect(onboardingDryrun(context)).rejects.toThrow();
  });
});
