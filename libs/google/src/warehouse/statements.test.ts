import { Transient } from '@convergence/contracts';
import { WarehouseError } from '@convergence/ports';
import { expect, test } from '@jest/globals';
import type { Rest } from './rest.ts';
import { statements } from './statements.ts';

/** A query of which one page of two can be had, then `then`. */
const twoPages = (then: () => Promise<unknown>) =>
  statements(
    {
      once: async () => ({
        jobReference: { projectId: 'p', jobId: 'j' },
        jobComplete: true,
        schema: { fields: [{ name: 'n', type: 'INTEGER' }] },
        rows: [{ f: [{ v: '1' }] }],
        pageToken: 'more',
      }),
      patiently: then,
    } as unknown as Rest,
    { project: 'p', location: 'US' },
  );

test('a result whose rest is gone comes again for who asks again; what else is refused stays refused', async () => {
  const gone = twoPages(() => Promise.reject(new WarehouseError('notFound', 'the result has expired')));
  await expect(gone.run({ sql: 'SELECT 1 AS n' })).rejects.toBeInstanceOf(Transient);
  const pages = gone.pages({ sql: 'SELECT 1 AS n' }, 1);
  expect((await pages.next()).value).toHaveLength(1);
  await expect(pages.next()).rejects.toBeInstanceOf(Transient);
  const denied = twoPages(() => Promise.reject(new WarehouseError('accessDenied', 'no')));
  await expect(denied.run({ sql: 'SELECT 1 AS n' })).rejects.toBeInstanceOf(WarehouseError);
});

test('others have their turn between making the parameters of a named job and sending it', async () => {
  const order: string[] = [];
  const once = async () => {
    order.push('sent');
    return { jobReference: { projectId: 'p', jobId: 'j' }, jobComplete: true };
  };
  const { run } = statements({ once } as unknown as Rest, { project: 'p', location: 'US' });
  setImmediate(() => order.push('others'));
  await run({ sql: 'SELECT @n', parameters: { n: { type: 'INT64', value: 1 } }, jobId: 'j' });
  expect(order[0]).toBe('others');
});
