import { type TenantId, Transient } from '@convergence/contracts';
import { WarehouseError } from '@convergence/ports';
import { createLog } from '@convergence/service';
import { initialState } from '@convergence/tenants';
import { fakeWarehouse, virtualClock } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import type { TenantsSlice } from '../tenants-slice.ts';
import { Preparation } from './preparation.ts';

const acme = 'acme_corp' as TenantId;

function prepared() {
  const warehouse = fakeWarehouse();
  const clock = virtualClock();
  const noted: unknown[] = [];
  const slice = {
    state: initialState(),
    execute: async (command: unknown) => {
      noted.push(command);
      return null;
    },
  } as unknown as TenantsSlice;
  const log = createLog({ service: 'test', project: 'p', level: 'silent' });
  const preparation = new Preparation({ slice, warehouse, clock, log, dataset: 'tenants', location: 'US' });
  return { warehouse, clock, noted, preparation, slice };
}

describe('preparation', () => {
  test('makes dataset, tables and views, and notes it once when all are there', async () => {
    const { preparation, warehouse, noted } = prepared();
    const names = await preparation.prepare(acme);
    expect([...(warehouse.datasets.get('acme_corp')?.keys() ?? [])].sort()).toEqual([...names].sort());
    expect(noted).toEqual([{ kind: 'note-dataset-prepared', tenant_id: 'acme_corp', tables: names }]);
    expect([...warehouse.granted]).toEqual(['acme_corp: executor-service@convergence-test.iam.gserviceaccount.com may write']);
  });

  test.each([
    ['metadata limits', new WarehouseError('rateLimitExceeded', 'Exceeded rate limits: too many dataset metadata update operations')],
    ['an absence', new Transient('BigQuery can not be reached.')],
  ])('waits out %s with growing pauses', async (_, cause) => {
    const { preparation, warehouse, clock, noted } = prepared();
    const create = warehouse.createTable;
    let failures = 0;
    Object.assign(warehouse, {
      createTable: (...args: Parameters<typeof create>) => {
        if (failures < 5) {
          failures += 1;
          return Promise.reject(cause);
        }
        return create(...args);
      },
    });
    const done = preparation.prepare(acme);
    for (let i = 0; i < 20 && noted.length === 0; i += 1) await clock.advance(60_000);
    expect((await done).length).toBeGreaterThan(3);
    expect(noted).toHaveLength(1);
  });

  test('does not bring back what was purged while it waited', async () => {
    const { preparation, warehouse, clock, noted, slice } = prepared();
    const create = warehouse.createDataset;
    Object.assign(warehouse, { createDataset: () => Promise.reject(new Transient('away')) });
    const done = preparation.prepare(acme);
    await new Promise(setImmediate);
    slice.state.tenants.set(acme, { status: 'CANCELLED' } as never);
    Object.assign(warehouse, { createDataset: create });
    for (let i = 0; i < 5; i += 1) await clock.advance(60_000);
    await expect(done).rejects.toMatchObject({ code: 'tenant.inactive' });
    expect(warehouse.datasets.size).toBe(0);
    expect(noted).toEqual([]);
  });

  test('gives up on what can never work, and says so', async () => {
    const { preparation, warehouse, noted } = prepared();
    Object.assign(warehouse, { createDataset: () => Promise.reject(new WarehouseError('accessDenied', 'Permission denied')) });
    await expect(preparation.prepare(acme)).rejects.toThrow('Permission denied');
    expect(noted).toEqual([]);
  });

  test('many who ask for the same tenant wait for the same work; of many tenants some are made at a time', async () => {
    const { preparation, warehouse } = prepared();
    const create = warehouse.createDataset;
    let busy = 0;
    let most = 0;
    let calls = 0;
    Object.assign(warehouse, {
      createDataset: async (...args: Parameters<typeof create>) => {
        calls += 1;
        busy += 1;
        most = Math.max(most, busy);
        await new Promise(setImmediate);
        busy -= 1;
        return create(...args);
      },
    });
    await Promise.all([preparation.prepare(acme), preparation.prepare(acme)]);
    expect(calls).toBe(1);
    await Promise.all(Array.from({ length: 50 }, (_, n) => preparation.prepare(`tenant_${n}` as TenantId)));
    expect(most).toBeLessThanOrEqual(9);
    expect(warehouse.datasets.size).toBe(51);
  });

  test('stops when the service stops', async () => {
    const { preparation, warehouse } = prepared();
    Object.assign(warehouse, { createDataset: () => Promise.reject(new Transient('away')) });
    const done = preparation.prepare(acme);
    await new Promise(setImmediate);
    await preparation.stop();
    await expect(done).rejects.toThrow('stopping');
  });
});
