import { describe, expect, test } from '@jest/globals';
import { StepFailure } from '../failure.ts';
import { stepContext } from '../testing/step-context.ts';
import { bigqueryCopy } from './step.ts';

describe('bigquery.copy', () => {
  test("a table in another project is read with the tenant's own credential, or not at all", async () => {
    const missing = new StepFailure('credential', 'credential.missing', 'There is no GCP credential.');
    const context = stepContext({ from: 'their-project.billing.export', to: 'raw_x' }, { credential: () => Promise.reject(missing) });
    await expect(bigqueryCopy(context)).rejects.toBe(missing);
    expect(context.warehouse.statements).toEqual([]);
  });

  test('a name that is no table is refused before anything is asked', async () => {
    await expect(bigqueryCopy(stepContext({ from: 'a.b` WHERE 1=1 --', to: 'raw_x' }))).rejects.toMatchObject({ code: 'step.source_name' });
  });
});
