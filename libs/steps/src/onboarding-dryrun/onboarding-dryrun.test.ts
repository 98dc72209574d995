import { describe, expect, test } from '@jest/globals';
import { stepContext } from '../testing/step-context.ts';
import { onboardingDryrun } from './step.ts';

describe('onboarding.dryrun', () => {
  test('writes one row for the run', async () => {
    const context = stepContext({ message: 'hello' });
    context.warehouse.answer(/^MERGE/, { affectedRows: 1 });
    expect(await onboardingDryrun(context)).toEqual({ rows: 1, outputs: { rows: 1 } });
    expect(context.warehouse.statements[0]?.parameters?.message).toEqual({ type: 'STRING', value: 'hello' });
  });

  test('done again for the same run it finds its row and writes no other', async () => {
    const context = stepContext({});
    context.warehouse.answer(/^MERGE/, { affectedRows: 0 });
    context.warehouse.answer(/^SELECT COUNT/, [{ n: 1 }]);
    expect(await onboardingDryrun(context)).toMatchObject({ rows: 1 });
  });

  test('a row that is neither written nor there fails the dry run', async () => {
    const context = stepContext({});
    context.warehouse.answer(/^MERGE/, { affectedRows: 0 });
    context.warehouse.answer(/^SELECT COUNT/, [{ n: 0 }]);
    await expect(onboardingDryrun(context)).rejects.toMatchObject({ code: 'dryrun.row_missing' });
  });
});
